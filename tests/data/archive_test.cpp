// Zip archives as other tools write them, against what Python's zipfile finds in them.
#include "data/archive.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "data/tree.h"
#include "kernels/base/file.h"
#include "make.h"
#include "tests/dataset/zip_bytes.h"
#include "tests/support.h"

namespace pc::data {
namespace {

const std::filesystem::path kZips = std::string(PC_SOURCE_DIR) + "/tests/data/golden/zips";

std::vector<std::string> zip_names() {
  std::vector<std::string> names;
  for (const auto& file : std::filesystem::directory_iterator(kZips))
    if (file.path().extension() == ".zip") names.push_back(file.path().stem().string());
  std::sort(names.begin(), names.end());
  return names;
}

class ZipOfAnotherTool : public testing::TestWithParam<std::string> {};
TEST_P(ZipOfAnotherTool, HoldsWhatPythonFinds) {
  const auto tree = open_tree(kZips / (GetParam() + ".zip"));
  std::string found;
  for (const FileTree::Entry& entry : tree->entries()) {
    EXPECT_EQ(tree->read(entry, 1000).size(), entry.size);  // its CRC-32 is checked on the way
    found += fmt::format("{:08x} {} {}\n", entry.mark, entry.size, entry.path);
  }
  EXPECT_EQ(found, read_file(kZips / (GetParam() + ".txt")));
}
INSTANTIATE_TEST_SUITE_P(Zips, ZipOfAnotherTool, testing::ValuesIn(zip_names()),
                         [](const auto& param) { return param.param; });

// Info-ZIP's field for UTF-8 counts if it belongs to the name; else the name is in CP437.
TEST(Archive, NamesInACodePage) {
  const auto names_of = [](const std::string& name) {
    const std::string bytes = read_file(kZips / (name + ".zip"));
    std::vector<std::string> names;
    for (const ZipRecord& record : list_archive(test::as_bytes(bytes), name)) names.push_back(record.name);
    return names;
  };
  EXPECT_EQ(names_of("names/unicode_path"),
            (std::vector<std::string>{"\u0448\u043b\u044f\u043f\u0430/1.jpg", "h\u00fcte/2.jpg"}));
}

// What unpacking writes: no "./", nothing of macOS.
TEST(Archive, NamesAreThoseOfFiles) {
  for (const std::string& name : zip_names()) {
    const std::string bytes = read_file(kZips / (name + ".zip"));
    for (const ZipRecord& record : list_archive(test::as_bytes(bytes), name))
      EXPECT_TRUE(record.name == "styles.csv" || record.name.starts_with("images/")) << name << ": " << record.name;
  }
}

// 64 KiB after the end record, and as many records as are allowed.
TEST(Archive, LimitsAreReachedButNotPassed) {
  const std::string bytes = read_file(kZips / "info_zip.zip");
  const auto names = [](const std::string& archive, const ZipRules& rules) {
    return test::error_of([&] { read_zip_directory(test::as_bytes(archive), "z", rules); });
  };
  EXPECT_EQ(names(bytes + std::string(65'535, 'x'), {.trailer = true}), "nothing");
  EXPECT_NE(names(bytes + std::string(65'536, 'x'), {.trailer = true}), "nothing");
  EXPECT_NE(names(bytes + "x", {.trailer = false}), "nothing");
  EXPECT_EQ(names("PK\5\6" + std::string(18, '\0'), {}), "nothing") << "no record, the end record alone";
  EXPECT_EQ(names(bytes, {.max_records = 4}), "nothing");
  EXPECT_EQ(names(bytes, {.max_records = 3}), "6: z: more than 3 records");
}

// Unix (3) and macOS (19) leave a mode where others keep flags of their own.
TEST(Archive, ModesAreThoseOfUnix) {
  std::string bytes = read_file(kZips / "comment.zip");
  for (const auto& [system, mode] : {std::pair{3, 0100644}, {19, 0100644}, {0, 0}, {10, 0}}) {
    bytes[bytes.find("PK\1\2") + 5] = char(system);
    const ZipRecord record = read_zip_directory(test::as_bytes(bytes), "z", {.trailer = true}).front();
    EXPECT_EQ(record.mode, mode) << system;
    EXPECT_EQ(record.bytes, 300u);
    EXPECT_EQ(record.data.size(), 22u);
    EXPECT_TRUE(record.compressed);
  }
}

// The sizes of zip64 in their order, the unpacked one first.
TEST(Archive, Zip64SizesOfAPackedRecord) {
  const std::string text(500, 'x'), packed = test::deflated(text);
  const std::string extra = test::le(uint16_t(1)) + test::le(uint16_t(16)) + test::le(uint64_t(text.size())) +
                            test::le(uint64_t(packed.size()));
  const std::string bytes = test::zip_of({{.name = "a",
                                           .text = text,
                                           .method = test::kDeflated,
                                           .packed_bytes = ~0u,
                                           .bytes = ~0u,
                                           .extra = extra,
                                           .local_extra = extra}});
  const auto records = read_zip_directory(test::as_bytes(bytes), "z");
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].bytes, 500u);
  EXPECT_EQ(records[0].data.size(), packed.size());
}

// A cut never passes for another archive, whatever may follow the end of a whole one.
TEST(Archive, EveryCutIsRefused) {
  for (const char* name : {"streamed_zip64", "zip64_end_longer", "comment"}) {
    const std::string bytes = read_file(kZips / (std::string(name) + ".zip"));
    for (std::size_t n = 0; n < bytes.size(); ++n)
      ASSERT_NE(test::error_of([&] { list_archive(test::as_bytes(bytes.substr(0, n)), name); }), "nothing") << n;
  }
}

}  // namespace
}  // namespace pc::data
