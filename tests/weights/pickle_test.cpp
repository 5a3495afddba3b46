// Hostile pickles: each is refused with the opcode or name and its byte offset, and nothing crashes, recurses or
// explodes.
#include "tools/weights/pickle.h"

#include <gtest/gtest.h>

#include "kernels/base/error.h"
#include "tests/support.h"
#include "tests/weights/pth_bytes.h"
#include "tools/weights/pth.h"

namespace pc::weights {
namespace {

using namespace test;

WeightFile parse(const std::string& bytes) {
  auto owner = std::make_shared<std::string>(bytes);
  return parse_pth(std::as_bytes(std::span(owner->data(), owner->size())), owner, "t.pth");
}

struct Hostile {
  const char* name;
  std::string pickle;
  std::vector<const char*> message;  // parts of the one-line complaint; none where the file is fine
  Exit code = Exit::data;
};
void PrintTo(const Hostile& h, std::ostream* out) { *out << h.name; }

class HostilePickle : public testing::TestWithParam<Hostile> {};

TEST_P(HostilePickle, IsRefusedByNameAndPlace) {
  const Hostile& h = GetParam();
  const std::string actual = refusal([&] { parse(pth(h.pickle)); }, h.code);
  EXPECT_EQ(actual.empty(), h.message.empty()) << actual;
  if (actual.empty()) return;
  for (const char* part : h.message) EXPECT_HAS(actual, part);
  EXPECT_LACKS(actual, '\n');
  EXPECT_TRUE(actual.starts_with("t.pth: ")) << actual;
  EXPECT_LT(actual.size(), 400u);
}

std::vector<Hostile> programs() {
  const std::string system = global("os", "system") + text("true") + "\x85R.";
  return {
      {"good", with({}), {}},
      {"good_long1_and_floats",
       proto + "}(" + text("lr") + "G?\xf0" + std::string(6, '\0') + text("state_dict") + "}" + text("w") +
           tensor(storage("0", long1(4)), number(0), tuple(number(4)), tuple(number(1))) + "su.",
       {}},
      {"dot_moved", proto + global("torch", "_utils._rebuild_tensor_v2x") + ".", {"is not allowed"}},
      {"escape_in_name", proto + global("\x1b[2J", "x") + ".", {"\\x1b[2J.x"}},
      {"global_without_end", proto + "cos", {"byte 2:", "GLOBAL without the end"}},
      {"obj", proto + "(" + global("collections", "OrderedDict") + "o.", {"OBJ"}},
      {"persid_text", proto + "Pstorage\n.", {"PERSID"}},
      {"pop", proto + "N0.", {"byte 3:", "POP"}},
      {"dup", proto + "N2.", {"DUP"}},
      {"unknown_opcode", proto + "\xff.", {"byte 2:", "0xff"}},
      {"no_protocol", "}.", {"byte 0:", "PROTO should begin"}},
      {"second_protocol", proto + proto + "}.", {"byte 2:", "PROTO in the middle"}},
      {"empty", "", {"cut short"}},
      {"no_stop", proto + "}", {"byte 3:", "cut short"}},
      {"behind_stop", proto + "}.}", {"1 bytes behind STOP"}},
      {"stop_alone", proto + ".", {"byte 2:", "STOP finds no value"}},
      {"stop_with_mark", proto + "(}.", {"STOP with 1 values left over"}},
      {"reduce_on_type", proto + global("torch", "FloatStorage") + ")R.", {"REDUCE on a storage type"}},
      {"reduce_with_list", proto + global("collections", "OrderedDict") + "]R.", {"REDUCE with a list as arguments"}},
      {"reduce_arguments", proto + global("torch._utils", "_rebuild_tensor_v2") + ")R.", {"REDUCE with 0 arguments"}},
      {"build_on_tensor",
       state_dict(tensor(storage("0", number(4)), number(0), ")", ")") + "}b"),
       {"BUILD of a tensor from a dict"}},
      {"build_foreign_attribute",
       proto + ordered_dict + "}" + text("__class__") + "Nsb.",
       {"BUILD of an attribute other"}},
      {"build_attribute_twice",
       proto + ordered_dict + "}(" + text("_metadata") + "N" + text("_metadata") + "Nub.",
       {"BUILD of an attribute other"}},
      {"append_to_dict", proto + "}Na.", {"byte 4:", "APPEND on a dict"}},
      {"setitems_on_text", proto + text("x") + "(NNu.", {"SETITEMS on a str"}},
      {"setitem_dict_as_key", proto + "}}Ns.", {"SETITEM with a key that is no plain value"}},
      {"append_mark", proto + "](a.", {"APPEND finds no value"}},
      {"tuple_without_mark", proto + "NNt.", {"byte 4:", "TUPLE finds no MARK"}},
      {"get_empty_slot", proto + "h\x07.", {"BINGET of slot 7"}},
      {"text_not_utf8", proto + text("\xc0\xaf") + ".", {"BINUNICODE with text that is not UTF-8"}},
      {"long1_of_200_bytes", proto + "\x8a\xc8" + std::string(200, 'x') + ".", {"LONG1 of 200 bytes"}},
      {"list_in_itself", proto + std::string("]q\0h\0a.", 7), {"APPEND changes a container"}},
      {"cycle_through_tuple",
       proto + std::string("]q\0h\0\x85"
                           "a.",
                           8),
       {"APPEND changes a container"}},
      {"lists_1M_deep",
       proto + repeat("]", 1'000'000) + repeat("a", 999'999) + ".",
       {"more than 400000 values"},
       Exit::limit},
      {"lists_100k_deep",
       proto + repeat("]", 100'000) + repeat("a", 99'999) + ".",
       {"APPEND nests deeper"},
       Exit::limit},
      {"marks_10M", proto + std::string(10'000'000, '('), {"on the stack"}, Exit::limit},
      {"billion_laughs", proto + "]" + repeat(std::string("q\0h\0\x86", 5), 60) + ".", {"holds a tuple"}},
      {"list_copied_often",
       proto + global("collections", "OrderedDict") + "q\x01" + "](" + repeat("](NNe", 20'000) + "e\x85q\x02" +
           repeat("h\x01h\x02R", 20'000) + ".",
       {"more than 2000000 items"},
       Exit::limit},
      {"persid_no_tuple", proto + "NQ.", {"BINPERSID needs a tuple of 5"}},
      {"persid_legacy_six",
       proto + tuple(text("storage") + global("torch", "FloatStorage") + text("0") + text("cpu") + number(4) + "N") +
           "Q.",
       {"needs a tuple of 5"}},
      {"persid_other_tag",
       proto + tuple(text("module") + global("torch", "FloatStorage") + text("0") + text("cpu") + number(4)) + "Q.",
       {"does not name a \"storage\""}},
      {"persid_type_is_text",
       proto + tuple(text("storage") + text("FloatStorage") + text("0") + text("cpu") + number(4)) + "Q.",
       {"with a str as storage type"}},
      {"persid_long_key", proto + storage(repeat("0", 65), number(4)) + ".", {"storage key that is no plain word"}},
      {"persid_negative", proto + storage("0", number(-4)) + ".", {"negative storage size -4"}},
      {"persid_two_sizes",
       proto + storage("0", number(4)) + storage("0", number(5)) + "\x86.",
       {"names storage 0 twice"}},
      {"persid_two_types",
       proto + storage("0", number(4)) + storage("0", number(4), "IntStorage") + "\x86.",
       {"names storage 0 twice"}},
      {"storage_without_record", with({.storage = storage("1", number(4))}), {"storage 1 has no record"}},
      {"storage_of_wider_type", with({.storage = storage("0", number(4), "DoubleStorage")}), {"4 elements of F64"}},
      {"storage_size_overflows",
       with({.storage = storage("0", long1(int64_t(1) << 62))}),
       {"storage 0 has 4611686018427387904"}},
      {"unknown_storage",
       with({.storage = storage("0", number(4), "ComplexFloatStorage")}),
       {"GLOBAL torch.ComplexFloatStorage"}},
      {"offset_past_the_end", with({.offset = number(1)}), {"leaves its storage"}},
      {"offset_negative", with({.offset = number(-1)}), {"negative storage offset -1"}},
      {"offset_is_text", with({.offset = text("0")}), {"with a str as storage offset"}},
      {"offset_is_bool", with({.offset = "\x88"}), {"with a bool as storage offset"}},
      {"stride_negative", with({.stride = tuple(number(2) + number(-1))}), {"negative stride -1"}},
      {"stride_overflows", with({.stride = tuple(long1(INT64_MAX) + long1(INT64_MAX))}), {"leaves its storage"}},
      {"stride_missing", with({.stride = tuple(number(1))}), {"2 sizes and 1 strides"}},
      {"size_product_overflows",
       with({.size = tuple(long1(int64_t(1) << 32) + long1(int64_t(1) << 32)), .stride = tuple(number(0) + number(0))}),
       {"overflows"}},
      {"stride_of_size_1_is_free",
       with({.size = tuple(number(1) + number(2)), .stride = tuple(long1(INT64_MAX) + number(2))}),
       {}},
      {"empty_at_the_end", with({.offset = number(4), .size = tuple(number(0)), .stride = tuple(number(1))}), {}},
      {"empty_past_the_end",
       with({.offset = number(5), .size = tuple(number(0)), .stride = tuple(number(1))}),
       {"leaves its storage"}},
      {"nine_dimensions",
       with({.size = tuple(repeat(number(1), 9)), .stride = tuple(repeat(number(1), 9))}),
       {"9 dimensions"}},
      {"size_is_list", with({.size = "]"}), {"with a list as size"}},
      {"tensor_of_text", state_dict(tensor(text("0"), number(0), ")", ")")), {"with a str as storage"}},
      {"parameter_of_text",
       state_dict(global("torch._utils", "_rebuild_parameter") + tuple(text("0") + "\x88" + ordered_dict) + "R"),
       {"with a str as a parameter's data"}},
      {"top_is_number", proto + number(1) + ".", {"holds a int, not a state dict"}},
      {"entry_is_number",
       proto + "}(" + text("w") + tensor(storage("0", number(4)), number(0), ")", ")") + text("n") + number(3) + "u.",
       {"\"n\" is a int, not a tensor"}},
      {"name_is_number",
       proto + "}" + number(1) + tensor(storage("0", number(4)), number(0), ")", ")") + "s.",
       {"a int as a tensor's name"}},
      {"name_twice",
       proto + "}(" + text("w") + std::string("q\0", 2) + tensor(storage("0", number(4)), number(0), ")", ")") +
           "q\x01" + std::string("h\0h\x01u.", 6),
       {"two tensors are named \"w\""}},
  };
}

INSTANTIATE_TEST_SUITE_P(Programs, HostilePickle, testing::ValuesIn(programs()),
                         [](const auto& param) { return param.param.name; });

TEST(Pickle, ReadsEveryKindOfValue) {
  const std::string bytes =
      proto + "(K\x07M\x01\x02J\xfe\xff\xff\xff\x8a\x01\xffG?\xf8" + std::string(6, '\0') + "N\x88\x89U\x02hit.";
  const Pickle p = read_pickle(std::as_bytes(std::span(bytes.data(), bytes.size())), "t");
  const auto& items = p[p.top].items;
  ASSERT_EQ(items.size(), 9u);
  EXPECT_EQ(p[items[0]].integer, 7);
  EXPECT_EQ(p[items[1]].integer, 0x201);
  EXPECT_EQ(p[items[2]].integer, -2);
  EXPECT_EQ(p[items[3]].integer, -1);
  EXPECT_EQ(p[items[4]].real, 1.5);
  EXPECT_EQ(p[items[5]].kind, PickleValue::Kind::none);
  EXPECT_EQ(p[items[6]].integer, 1);
  EXPECT_EQ(p[items[7]].integer, 0);
  EXPECT_EQ(p[items[8]].string, "hi");
}

TEST(Pickle, Python2OrderedDict) {
  const std::string pair = "](" + std::string("U\x01w") +
                           tensor(storage("0", number(4)), number(1), tuple(number(2)), tuple(number(2))) + "e";
  const WeightFile f = parse(pth(proto + global("collections", "OrderedDict") + "]" + pair + "a\x85R."));
  ASSERT_EQ(f.tensors.size(), 1u);
  EXPECT_EQ(f.tensors[0].name, "w");
  EXPECT_EQ(f.tensors[0].tensor().as<float>()[1], 4.f);
}

}  // namespace
}  // namespace pc::weights
