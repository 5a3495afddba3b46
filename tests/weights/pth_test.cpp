// .pth files that PyTorch wrote, read to the bit; falsified zip containers and mutated files refused.
#include "tools/weights/pth.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "kernels/base/error.h"
#include "kernels/base/file.h"
#include "tests/support.h"
#include "tests/weights/pth_bytes.h"
#include "tools/weights/description.h"
#include "tools/weights/weights.h"

namespace pc::weights {
namespace {

using namespace test;

const std::filesystem::path golden = std::filesystem::path(PC_SOURCE_DIR) / "tests/weights/golden";

WeightFile parse(const std::string& bytes, bool check_crc = true) {
  auto owner = std::make_shared<std::string>(bytes);
  return parse_pth(std::as_bytes(std::span(owner->data(), owner->size())), owner, "t.pth", {.check_crc = check_crc});
}

std::string complaint(const std::function<void()>& read) {
  const std::string message = refusal(read);
  EXPECT_LACKS(message, '\n');
  return message;
}

std::string hex(const FileTensor& t) {
  std::string result;
  for (std::size_t i = 0; i < t.bytes(); ++i) result += fmt::format("{:02x}", uint8_t(t.data[i]));
  return result.empty() ? "-" : result;
}

class Golden : public testing::TestWithParam<const char*> {};

// expected.txt: file, name, dtype, shape, bytes, in the order of the state dict.
void expect_torch_bits(const std::string& golden_file, const AnyWeights& weights) {
  std::ifstream expected(golden / "expected.txt");
  std::size_t i = 0;
  for (std::string line; std::getline(expected, line);) {
    std::istringstream fields(line);
    std::string file, name, type, shape, bytes;
    fields >> file >> name >> type >> shape >> bytes;
    if (file != golden_file) continue;
    ASSERT_LT(i, weights.file.tensors.size());
    const FileTensor& t = weights.file.tensors[i++];
    EXPECT_EQ(t.name, name);
    EXPECT_EQ(name_of(t.type), type);
    EXPECT_EQ(t.shape.empty() ? "-" : fmt::format("{}", fmt::join(t.shape, ",")), shape) << name;
    EXPECT_EQ(hex(t), bytes) << name;
  }
  EXPECT_GT(i, 0u);
  EXPECT_EQ(i, weights.file.tensors.size());
}

TEST_P(Golden, EqualsTorchToTheBit) {
  const AnyWeights zip = read_weights(golden / GetParam()), stacked = read_weights(golden / "stacked" / GetParam());
  EXPECT_EQ(zip.format, "pth");
  EXPECT_EQ(stacked.format, "stacked pth");
  expect_torch_bits(GetParam(), zip);
  expect_torch_bits(GetParam(), stacked);
}

TEST_P(Golden, SurvivesEveryFormThatIsWritten) {
  TemporaryFolder folder;
  const AnyWeights original = read_weights(golden / GetParam());
  write_weights(folder / "a.pth", original.file);
  const AnyWeights pth = read_weights(folder / "a.pth");
  EXPECT_EQ(pth.format, "pth");
  expect_torch_bits(GetParam(), pth);  // the order too
  write_weights(folder / "a.safetensors", pth.file);
  const AnyWeights safetensors = read_weights(folder / "a.safetensors");
  EXPECT_EQ(safetensors.format, "safetensors");
  EXPECT_EQ(differences(original.file, safetensors.file), std::vector<std::string>());
}

INSTANTIATE_TEST_SUITE_P(Files, Golden,
                         testing::Values("plain.pth", "wrapped.pth", "ema.pth", "module.pth", "views.pth", "shared.pth",
                                         "dtypes.pth", "parameters.pth", "one.pth", "training.pth", "averaged.pth"),
                         [](const auto& param) { return std::filesystem::path(param.param).stem().string(); });

TEST(Pth, ContiguousTensorsLieInTheMappedFile) {
  const auto file = MappedFile::open(golden / "views.pth");
  const WeightFile weights = parse_pth(file->bytes(), file, "views.pth");
  const auto mapped = [&](const char* name) {
    const std::byte* data = weights.find(name)->data;
    return data >= file->bytes().data() && data < file->bytes().data() + file->bytes().size();
  };
  EXPECT_TRUE(mapped("tail"));
  EXPECT_FALSE(mapped("transposed"));
}

TEST(Pth, EveryFlippedBitOfTheDataIsNoticed) {
  const std::string good = read_file(golden / "one.pth");
  const std::string data = le(1.f) + le(1.f) + le(1.f) + le(1.f);
  const std::size_t at = good.find(data);
  ASSERT_NE(at, good.npos);
  for (std::size_t bit = 0; bit < data.size() * 8; ++bit) {
    std::string bytes = good;
    bytes[at + bit / 8] = char(uint8_t(bytes[at + bit / 8]) ^ (1u << bit % 8));
    EXPECT_HAS(complaint([&] { parse(bytes); }), "damaged: CRC-32");
    ASSERT_EQ(complaint([&] { parse(bytes, false); }), "");
  }
}

struct BadZip {
  const char* name;
  std::string bytes;
  const char* message;
};
void PrintTo(const BadZip& z, std::ostream* out) { *out << z.name; }

class HostileZip : public testing::TestWithParam<BadZip> {};

TEST_P(HostileZip, IsRefused) {
  const std::string actual = complaint([&] { parse(GetParam().bytes); });
  EXPECT_HAS(actual, GetParam().message);
}

std::vector<BadZip> bad_zips() {
  const std::string pickle = state_dict(tensor(storage("0", number(4)), number(0), ")", ")"));
  const ZipEntry pkl{"a/data.pkl", pickle}, data{"a/data/0", std::string(16, 'x')};
  // Each variant changes one field of the storage's entry.
  const auto with = [&](const std::function<void(ZipEntry&)>& change) {
    ZipEntry changed = data;
    change(changed);
    return zip({pkl, changed});
  };
  std::string comment = zip({pkl, data}) + "hello";
  comment[comment.size() - 5 - 2] = 5;
  return {
      {"flags_differ", with([](ZipEntry& e) { e.local_flags = 1; }), "disagree"},
      {"odd_flags", with([](ZipEntry& e) { e.flags = e.local_flags = 0x20; }), "has flags 0x20"},
      {"method_99", with([](ZipEntry& e) { e.method = e.local_method = 99; }), "method 99"},
      {"size_without_zip64",
       with([](ZipEntry& e) { e.bytes = e.local_bytes = e.packed_bytes = e.local_packed_bytes = ~0u; }),
       "past the end"},
      {"offset_into_data", with([](ZipEntry& e) { e.offset_shift = 3; }), "bytes hidden before it"},
      {"no_descriptor", with([](ZipEntry& e) { e.flags = e.local_flags = 8, e.local_bytes = 0; }),
       "damaged descriptor"},
      {"hidden_front", "MZ" + zip({pkl, data}), "place and size"},
      {"more_promised", zip({pkl, data}, 1), "promises 3 records and lists 2"},
      {"comment", comment, "truncated"},
  };
}

INSTANTIATE_TEST_SUITE_P(Containers, HostileZip, testing::ValuesIn(bad_zips()),
                         [](const auto& param) { return param.param.name; });

// Archives of more than 4 GB or 65,535 records have their directory's place in a second, wider end record.
struct Zip64End {
  uint32_t disk = 0;
  int64_t entries_shift = 0, here_shift = 0, locator_shift = 0;
};
std::string zip64(const Zip64End& change) {
  const std::string pickle = state_dict(tensor(storage("0", number(4)), number(0), ")", ")"));
  const std::string narrow = zip({{"a/data.pkl", pickle}, {"a/data/0", std::string(16, 'x')}});
  const std::string records = narrow.substr(0, narrow.size() - 22);
  uint32_t bytes = 0, offset = 0;
  std::memcpy(&bytes, narrow.data() + narrow.size() - 10, 4);
  std::memcpy(&offset, narrow.data() + narrow.size() - 6, 4);
  const std::string end64 = le(0x06064b50u) + le(uint64_t(44)) + le(uint16_t(45)) + le(uint16_t(45)) + le(change.disk) +
                            le(0u) + le(int64_t(2 + change.here_shift)) + le(int64_t(2 + change.entries_shift)) +
                            le(uint64_t(bytes)) + le(uint64_t(offset));
  const std::string locator = le(0x07064b50u) + le(0u) + le(int64_t(records.size()) + change.locator_shift) + le(1u);
  return records + end64 + locator + le(0x06054b50u) + le(0u) + le(uint16_t(0xffff)) + le(uint16_t(0xffff)) + le(~0u) +
         le(~0u) + le(uint16_t(0));
}

TEST(Pth, Zip64DirectoriesAreReadAndChecked) {
  EXPECT_EQ(parse(zip64({})).tensors.size(), 1u);
  const auto message = [](const Zip64End& change) { return complaint([&] { parse(zip64(change)); }); };
  EXPECT_HAS(message({.disk = 1}), "zip and zip64 directories disagree");
  EXPECT_HAS(message({.here_shift = 1}), "zip and zip64 directories disagree");
  EXPECT_HAS(message({.entries_shift = 1, .here_shift = 1}), "promises 3 records and lists 2");
  EXPECT_HAS(message({.locator_shift = 1}), "the zip64 end record should lie at byte");
}

}  // namespace
}  // namespace pc::weights
