// .pth files that PyTorch wrote, read to the bit; falsified zip containers and mutated files refused.
#include "tools/weights/pth.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <fstream>
#include <random>
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
  try {
    read();
    return "";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), Exit::data) << e.what();
    EXPECT_EQ(std::string(e.what()).find('\n'), std::string::npos);
    return e.what();
  }
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

TEST(Pth, WhatElsePeopleHandOver) {
  TemporaryFolder folder;
  const auto read = [&](const std::string& bytes) {
    write_file_atomically(folder / "f.pth", bytes);
    return complaint([&] { read_weights(folder / "f.pth"); });
  };
  const auto read_golden = [&](const char* name) { return complaint([&] { read_weights(golden / name); }); };
  EXPECT_NE(read_golden("whole_model.pth").find("GLOBAL torch.nn.modules.linear.Linear"), std::string::npos);
  EXPECT_NE(read_golden("protocol4.pth").find("PROTO 4"), std::string::npos);
  EXPECT_NE(read_golden("script.pth").find("TorchScript"), std::string::npos);
  EXPECT_NE(read("").find("it is empty"), std::string::npos);
  EXPECT_NE(read("\n <!DOCTYPE html><html>").find("a web page"), std::string::npos);
  EXPECT_NE(read("<HTML>403").find("a web page"), std::string::npos);
  EXPECT_NE(read("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 46830571\n").find("Git LFS"),
            std::string::npos);
  EXPECT_NE(read("\x80\x02}q\x01.").find("a bare pickle"), std::string::npos);
  EXPECT_NE(read("\x1f\x8b\x08").find("gzip"), std::string::npos);
  EXPECT_NE(read(std::string(100, 'x')).find("neither"), std::string::npos);
  std::string tar(1024, '\0');
  tar.replace(257, 5, "ustar");
  EXPECT_NE(read(tar).find("tar archive"), std::string::npos);
  EXPECT_NE(read(zip({{"styles.csv", "id"}})).find("not one of torch.save"), std::string::npos);
  EXPECT_NE(read(zip({})).find("empty zip"), std::string::npos);
}

TEST(Pth, EveryPrefixIsRefused) {
  const std::string bytes = read_file(golden / "one.pth");
  for (std::size_t n = 0; n < bytes.size(); ++n) ASSERT_NE(complaint([&] { parse(bytes.substr(0, n)); }), "") << n;
  EXPECT_NE(complaint([&] { parse(bytes.substr(0, 600)); }).find("truncated"), std::string::npos);
}

TEST(Pth, EveryFlippedBitOfTheDataIsNoticed) {
  const std::string good = read_file(golden / "one.pth");
  const std::string data = le(1.f) + le(1.f) + le(1.f) + le(1.f);
  const std::size_t at = good.find(data);
  ASSERT_NE(at, good.npos);
  for (std::size_t bit = 0; bit < data.size() * 8; ++bit) {
    std::string bytes = good;
    bytes[at + bit / 8] = char(uint8_t(bytes[at + bit / 8]) ^ (1u << bit % 8));
    ASSERT_NE(complaint([&] { parse(bytes); }).find("damaged: CRC-32"), std::string::npos);
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
  EXPECT_NE(actual.find(GetParam().message), actual.npos) << actual;
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
      {"names_differ", with([](ZipEntry& e) { e.local_name = "a/data/1"; }), "the local header has another name"},
      {"flags_differ", with([](ZipEntry& e) { e.local_flags = 1; }), "disagree"},
      {"sizes_differ", with([](ZipEntry& e) { e.local_bytes = 15; }), "disagree"},
      {"encrypted", with([](ZipEntry& e) { e.flags = e.local_flags = 1; }), "encrypted"},
      {"odd_flags", with([](ZipEntry& e) { e.flags = e.local_flags = 0x20; }), "has flags 0x20"},
      {"compressed", with([](ZipEntry& e) { e.method = 8; }), "is compressed"},
      {"method_99", with([](ZipEntry& e) { e.method = 99; }), "method 99"},
      {"packed_differs", with([](ZipEntry& e) { e.bytes = e.local_bytes = 1u << 30; }),
       "16 bytes packed and 1073741824 unpacked"},
      {"larger_than_the_file", with([](ZipEntry& e) { e.bytes = e.local_bytes = e.packed = 1u << 30; }),
       "past the end"},
      {"size_without_zip64", with([](ZipEntry& e) { e.bytes = e.local_bytes = e.packed = ~0u; }), "past the end"},
      {"wrong_crc", with([](ZipEntry& e) { e.crc32 ^= 1; }), "damaged: CRC-32"},
      {"offset_into_data", with([](ZipEntry& e) { e.offset_shift = 3; }), "bytes hidden before it"},
      {"offset_back", with([](ZipEntry& e) { e.offset_shift = -3; }), "overlaps"},
      {"hidden_bytes", with([](ZipEntry& e) { e.junk_before = "#!/bin/sh"; }), "hidden"},
      {"no_descriptor", with([](ZipEntry& e) { e.flags = e.local_flags = 8, e.local_bytes = 0; }),
       "damaged descriptor"},
      {"hidden_front", "MZ" + zip({pkl, data}), "place and size"},
      {"duplicate", zip({pkl, data, data}), "two records are named \"a/data/0\""},
      {"two_folders", zip({pkl, data, {"b/data/0", ""}}), "outside the folder"},
      {"path_upwards", zip({pkl, data, {"../a/data/1", ""}}), "outside the folder"},
      {"more_promised", zip({pkl, data}, 1), "promises 3 records and lists 2"},
      {"comment", comment, "truncated"},
      {"bytes_behind", zip({pkl, data}) + "x", "truncated"},
      {"script", zip({pkl, data, {"a/constants.pkl", ""}}), "TorchScript"},
      {"record_of_no_tensor", zip({pkl, data, {"a/data/1", "x"}}), "\"data/1\" belongs to no tensor"},
      {"odd_endian", zip({pkl, data, {"a/byteorder", "pdp"}}), "unknown byteorder \"pdp\""},
  };
}

INSTANTIATE_TEST_SUITE_P(Containers, HostileZip, testing::ValuesIn(bad_zips()),
                         [](const auto& param) { return param.param.name; });

TEST(Pth, LittleByteOrderIsRead) {
  const std::string pickle = state_dict(tensor(storage("0", number(4)), number(0), ")", ")"));
  EXPECT_EQ(parse(zip({{"a/data.pkl", pickle}, {"a/byteorder", "little"}, {"a/data/0", std::string(16, 'x')}}))
                .tensors.size(),
            1u);
}

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
  EXPECT_NE(message({.disk = 1}).find("zip and zip64 directories disagree"), std::string::npos);
  EXPECT_NE(message({.here_shift = 1}).find("zip and zip64 directories disagree"), std::string::npos);
  EXPECT_NE(message({.entries_shift = 1, .here_shift = 1}).find("promises 3 records and lists 2"), std::string::npos);
  EXPECT_NE(message({.locator_shift = 1}).find("the zip64 end record should lie at byte"), std::string::npos);
}

// Mutations of whole files and of the pickle alone inside an intact container: read with every byte in reach, or
// refused.
TEST(Pth, MutationsAreReadOrRefused) {
  const std::string whole = read_file(golden / "views.pth");
  const std::string pickle =
      proto + ordered_dict + "(" + text("w") + "q\x01" +
      tensor(storage("0", number(4)), number(0), tuple(number(2) + "K\x02"), tuple(number(1) + "K\x02")) + text("v") +
      tensor(storage("0", number(4)), number(1), tuple(number(3)), tuple(number(1))) + "u}" + text("_metadata") +
      ordered_dict + "sb.";
  std::mt19937 random(7);
  std::size_t read = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes = round % 2 ? whole : pickle;
    for (unsigned k = 1 + random() % 3; k > 0; --k) {
      const std::size_t at = random() % bytes.size();
      switch (random() % 4) {
        case 0:
          bytes[at] = char(random());
          break;
        case 1:
          bytes[at] = char(uint8_t(bytes[at]) ^ (1u << random() % 8));
          break;
        case 2:
          bytes.erase(at, 1 + random() % 4);
          break;
        case 3:
          bytes.insert(at, bytes.substr(random() % bytes.size(), 1 + random() % 6));
          break;
      }
      if (bytes.empty()) bytes.push_back('x');
    }
    try {
      unsigned sum = 0;
      for (const FileTensor& t : parse(round % 2 ? bytes : pth(bytes), false).tensors)
        for (std::size_t i = 0; i < t.bytes(); ++i) sum += unsigned(t.data[i]);
      read += sum != 1;
    } catch (const Error&) {
    }
  }
  EXPECT_GT(read, 100u) << "hardly a mutation was read: the loop does not reach the data";
}

}  // namespace
}  // namespace pc::weights
