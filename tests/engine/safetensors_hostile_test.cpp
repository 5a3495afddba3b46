// Every malformed safetensors header is refused with a message that names the fault.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "tests/engine/safetensors_bytes.h"

namespace pc {
namespace {

using namespace test;

struct Hostile {
  const char* name;
  std::string bytes;
  const char* message;  // a part of the one-line complaint; "" where the file is fine
};
void PrintTo(const Hostile& h, std::ostream* out) { *out << h.name; }

class SafetensorsHostile : public testing::TestWithParam<Hostile> {};

TEST_P(SafetensorsHostile, IsToldFromAGoodFile) {
  const std::string actual = complaint(GetParam().bytes);
  if (*GetParam().message == '\0') {
    EXPECT_EQ(actual, "");
  } else {
    EXPECT_HAS(actual, GetParam().message);
    EXPECT_LACKS(actual, '\n');
    EXPECT_EQ(actual.rfind("t.safetensors: ", 0), 0u) << actual;
  }
}

std::string one(const std::string& fields, std::size_t data) { return safetensors("{\"w\":{" + fields + "}}", data); }
std::string two(const std::string& a, const std::string& b, std::size_t data) {
  return safetensors("{\"a\":{\"dtype\":\"U8\"," + a + "},\"b\":{\"dtype\":\"U8\"," + b + "}}", data);
}
const std::string kManyOnes = fmt::format("{}", fmt::join(std::vector<int>(9, 1), ","));
const std::string kGood = R"({"w":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}})";

std::vector<Hostile> headers() {
  return {
      {"good", safetensors(kGood, 4), ""},
      {"leading_space", safetensors(" \n" + kGood + "  ", 4), ""},
      {"no_tensors", safetensors("{}", 0), ""},
      {"zero_size_shares_an_offset",
       two(R"("shape":[0],"data_offsets":[0,0])", R"("shape":[4],"data_offsets":[0,4])", 4), ""},
      {"eight_dimensions", one(R"("dtype":"U8","shape":[1,1,1,1,1,1,1,3],"data_offsets":[0,3])", 3), ""},
      {"empty_file", "", "0 bytes"},
      {"seven_bytes", "1234567", "7 bytes"},
      {"length_2_63", safetensors(kGood, 4, uint64_t(1) << 63),
       "a header of 9223372036854775808 bytes is over the 100000000 that safetensors allows"},
      {"length_all_ones", safetensors(kGood, 4, ~uint64_t(0)), "over the 100000000"},
      {"length_is_file_size", safetensors(kGood, 4, 8 + kGood.size() + 4), "truncated"},
      {"length_one_over", safetensors(kGood, 0, kGood.size() + 1), "truncated"},
      {"length_over_100_MB", safetensors(kGood, 4, 100'000'001),
       "a header of 100000001 bytes is over the 100000000 that safetensors allows"},
      {"length_of_100_MB", safetensors("x", 4, 100'000'000), "truncated"},
      {"length_over_100_MB_of_x", safetensors("x", 4, 100'000'001), "not a safetensors file"},
      {"length_0", safetensors(kGood, 4, 0), "does not begin with {"},
      {"byte_order_mark", safetensors("\xef\xbb\xbf" + kGood, 4), "does not begin with {"},
      {"an_array", safetensors("[]", 0), "does not begin with {"},
      {"nul_after_the_object", safetensors(kGood + std::string("\0{}", 3), 4), "NUL at its byte"},
      {"garbage_after_the_object", safetensors(kGood + "x", 4), "not valid JSON"},
      {"two_objects", safetensors(kGood + kGood, 4), "not valid JSON"},
      {"half_an_object", safetensors(kGood.substr(0, 30), 4), "not valid JSON"},
      {"comment", safetensors("{/**/}", 0), "not valid JSON"},
      {"invalid_utf8", safetensors("{\"\xc3\x28\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}}", 4),
       "not valid JSON"},
      {"overlong_utf8", safetensors("{\"\xc0\xaf\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}}", 4),
       "not valid JSON"},
      {"deep_arrays", safetensors("{\"w\":" + std::string(1'000'000, '['), 0), R"("w": an array where it may not be)"},
      {"deep_objects", safetensors("{\"w\":{\"dtype\":{", 0), "an object where it may not be"},
      {"entry_is_a_number", safetensors("{\"w\":1}", 0), "the number 1"},
      {"entry_is_null", safetensors("{\"w\":null}", 0), "null where"},
      {"duplicate_tensor", safetensors(kGood.substr(0, kGood.size() - 1) + "," + kGood.substr(1), 4),
       "duplicate name \"w\""},
      {"duplicate_by_escape",
       safetensors(
           R"({"w":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"\u0077":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})",
           4),
       "duplicate name \"w\""},
      {"duplicate_field", one(R"("dtype":"U8","dtype":"F32","shape":[4],"data_offsets":[0,4])", 4),
       R"("w": duplicate key "dtype")"},
      {"duplicate_metadata", safetensors(R"({"__metadata__":{},"__metadata__":{}})", 0),
       "duplicate name \"__metadata__\""},
      {"duplicate_metadata_key", safetensors(R"({"__metadata__":{"a":"1","a":"2"}})", 0), "duplicate key \"a\""},
      {"metadata_not_text", safetensors(R"({"__metadata__":{"a":1}})", 0),
       R"("__metadata__": the number 1 where it may not be)"},
      {"metadata_nested", safetensors(R"({"__metadata__":{"a":{}}})", 0), "an object where it may not be"},
      {"unknown_key", one(R"("dtype":"U8","shape":[4],"data_offsets":[0,4],"x":1)", 4), R"("w": unknown key "x")"},
      {"unknown_dtype", one(R"("dtype":"F8_E4M3","shape":[4],"data_offsets":[0,4])", 4),
       R"("w": dtype "F8_E4M3" is not supported)"},
      {"lower_case_dtype", one(R"("dtype":"u8","shape":[4],"data_offsets":[0,4])", 4), "dtype \"u8\""},
      {"no_dtype", one(R"("shape":[4],"data_offsets":[0,4])", 4), "needs dtype"},
      {"no_shape", one(R"("dtype":"U8","data_offsets":[0,4])", 4), "needs dtype"},
      {"one_offset", one(R"("dtype":"U8","shape":[4],"data_offsets":[0])", 4), "needs 2 numbers"},
      {"three_offsets", one(R"("dtype":"U8","shape":[4],"data_offsets":[0,4,4])", 4), "more than 2 numbers"},
      {"negative_size", one(R"("dtype":"U8","shape":[-4],"data_offsets":[0,4])", 4),
       R"("w": the number -4 where it may not be, in "shape")"},
      {"fractional_size", one(R"("dtype":"U8","shape":[4.0],"data_offsets":[0,4])", 4),
       R"("w": the number 4.0 where it may not be, in "shape")"},
      {"size_over_int64", one(R"("dtype":"U8","shape":[9223372036854775808],"data_offsets":[0,4])", 4), "too large"},
      {"size_over_uint64", one(R"("dtype":"U8","shape":[18446744073709551616],"data_offsets":[0,4])", 4), "the number"},
      {"product_wraps_to_4", one(R"("dtype":"U8","shape":[4194305,4194305,211106198978564],"data_offsets":[0,4])", 4),
       R"("w": shape [4194305, 4194305, 211106198978564] overflows)"},
      {"product_wraps_to_0", one(R"("dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0])", 0),
       R"("w": shape [4294967296, 4294967296] overflows)"},
      {"bytes_wrap", one(R"("dtype":"F64","shape":[2305843009213693952],"data_offsets":[0,0])", 0), "overflows"},
      {"zero_hides_overflow", one(R"("dtype":"U8","shape":[0,4294967296,4294967296],"data_offsets":[0,0])", 0),
       "overflows"},
      {"too_many_dimensions", one("\"dtype\":\"U8\",\"shape\":[" + kManyOnes + "]", 1),
       R"("w": more than 8 numbers in "shape")"},
      {"offsets_reversed", one(R"("dtype":"U8","shape":[4],"data_offsets":[4,0])", 4),
       R"("w": data_offsets [4, 0] run backwards)"},
      {"offsets_past_the_end", one(R"("dtype":"U8","shape":[5],"data_offsets":[0,5])", 4), "truncated"},
      {"offsets_at_2_64",
       one(R"("dtype":"U8","shape":[4],"data_offsets":[18446744073709551612,18446744073709551615])", 4),
       R"("w": the number 18446744073709551612 in "data_offsets" is too large)"},
      {"span_differs_from_shape", one(R"("dtype":"F32","shape":[4],"data_offsets":[0,4])", 4),
       R"("w": data_offsets span 4 bytes, F32 [4] needs 16)"},
      {"overlap", two(R"("shape":[3],"data_offsets":[0,3])", R"("shape":[2],"data_offsets":[2,4])", 4),
       R"("b" begins at 2 of the data, overlapping the tensor before it, which ends at 3)"},
      {"same_bytes_twice", two(R"("shape":[4],"data_offsets":[0,4])", R"("shape":[4],"data_offsets":[0,4])", 4),
       "overlapping"},
      {"hole", two(R"("shape":[1],"data_offsets":[0,1])", R"("shape":[2],"data_offsets":[2,4])", 4),
       R"("b" begins at 2 of the data, leaving a hole after 1)"},
      {"hole_at_the_front", one(R"("dtype":"U8","shape":[3],"data_offsets":[1,4])", 4), "leaving a hole"},
      {"trailing_bytes", safetensors(kGood, 5), "1 bytes after the last tensor"},
      {"trailing_bytes_alone", safetensors("{}", 5), "5 bytes after the last tensor"},
  };
}

INSTANTIATE_TEST_SUITE_P(Headers, SafetensorsHostile, testing::ValuesIn(headers()),
                         [](const auto& param) { return param.param.name; });

// The format's own limit, reached by padding, is read; a header full of names and metadata is not.
TEST(Safetensors, PaddingDoesNotCountAgainstTheLimit) {
  const std::string entry = R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})";
  EXPECT_EQ(complaint(safetensors(entry + std::string(100'000'000 - entry.size(), ' '), 4)), "");
  const std::string note = R"({"__metadata__":{"note":")" + std::string(9'000'000, 'x') + R"("}})";
  EXPECT_HAS(complaint(safetensors(note, 0), Exit::limit), "over the 8.0 MB that are read");
}

TEST(Safetensors, APthIsNamed) {
  for (const std::string& begin :
       {std::string("PK\x03\x04\0\0\x08\x08", 8), std::string("\x80\x02\x8a\x0al\xfc\x9c\x46", 8)})
    EXPECT_HAS(complaint(begin + std::string(100, 'x')), "looks like PyTorch's .pth") << begin;
}

}  // namespace
}  // namespace pc
