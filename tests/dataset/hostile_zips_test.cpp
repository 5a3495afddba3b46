// Archives that attack whoever unpacks them: each is refused with one line and its exit code, and nothing is written.
#include "data/archive.h"
#include "kernels/base/error.h"
#include "tests/dataset/zip_bytes.h"
#include "tests/programs.h"

namespace pc::dataset {
namespace {

using namespace test;

struct BadZip {
  const char* name;
  std::string bytes;
  Exit code;
  const char* message;
};
void PrintTo(const BadZip& z, std::ostream* out) { *out << z.name; }

class HostileZip : public testing::TestWithParam<BadZip> {};

TEST_P(HostileZip, IsRefusedAndLeavesNothing) {
  const TemporaryFolder folder;
  const auto work = folder / "work";  // what leaves it is seen as well
  std::filesystem::create_directory(work);
  write_file_atomically(work / "bad.zip", GetParam().bytes);
  const Outcome o = run(work, "pcdata", {"unpack", "bad.zip", "out"});
  EXPECT_EQ(o.code, int(GetParam().code)) << o.err;
  EXPECT_EQ(o.out, "");
  EXPECT_EQ(o.err.rfind("pcdata: bad.zip: ", 0), 0u) << o.err;
  EXPECT_HAS(o.err, GetParam().message);
  EXPECT_EQ(std::count(o.err.begin(), o.err.end(), '\n'), 1) << o.err;
  EXPECT_EQ(listing(folder.path()), (std::vector<std::string>{"work/", "work/bad.zip"}));
}

// An archive with a good file around the bad entry, so that a reader which checks as it goes would leave something.
std::string among_good(const ZipEntry& bad) { return zip_of({{"first.txt", "first"}, bad, {"last.txt", "last"}}); }
ZipEntry named(const std::string& name) { return {.name = name, .text = "evil"}; }
ZipEntry of_type(uint32_t mode) { return {.name = "x", .text = "/etc/passwd", .mode = mode}; }

std::vector<BadZip> bad_paths() {
  const auto leaves = [](const char* test, const std::string& name) {
    return BadZip{test, among_good(named(name)), Exit::data, "leaves the folder it is unpacked into"};
  };
  const std::string deep = [] {
    std::string path;
    for (int i = 0; i < 32; ++i) path += "d/";
    return path + "x";
  }();
  return {
      leaves("dot_dot", "../x"),
      leaves("dot_dot_inside", "a/../../x"),
      leaves("dot_dot_alone", ".."),
      leaves("dot_dot_folder", "../"),
      leaves("dots_after_dot", "./../x"),
      leaves("absolute", "/tmp/pc_test_hostile"),
      leaves("backslash", "..\\x"),
      leaves("backslash_absolute", "\\x"),
      leaves("drive", "C:x"),
      leaves("drive_absolute", "c:\\x"),
      {"empty_part", among_good(named("a//x")), Exit::data, "has an empty part"},
      {"empty_name", among_good(named("")), Exit::data, "entry \"\" has an empty part"},
      {"nul", among_good(named(std::string("a\0.jpg", 6))), Exit::data, "entry \"a\\x00.jpg\" has a control character"},
      {"newline", among_good(named("a\nb")), Exit::data, "entry \"a\\x0ab\" has a control character"},
      {"escape", among_good(named("\x1b[2J")), Exit::data, "has a control character"},
      {"long_part", among_good(named(std::string(256, 'x'))), Exit::data, "has a part of 256 bytes"},
      {"long_path",
       among_good(named(std::string(255, 'x') + "/" + std::string(255, 'x') + "/" + std::string(255, 'x') + "/" +
                        std::string(255, 'x') + "/x")),
       Exit::data, "has a path of 1025 bytes"},
      {"deep", among_good(named(deep)), Exit::data, "lies 33 folders deep"},
      {"symlink", among_good(of_type(0120777)), Exit::data, "is a symbolic link"},
      {"device", among_good(of_type(0020666)), Exit::data, "is a device"},
      {"fifo", among_good(of_type(0010644)), Exit::data, "is a device, pipe or socket"},
      {"folder_named_as_file", among_good(of_type(0040755)), Exit::data, "is a folder by its type or its name"},
      {"file_named_as_folder", among_good(named("x/")), Exit::data, "is a folder by its type or its name"},
      {"folder_with_bytes", among_good({.name = "x/", .text = "evil", .mode = 0040755}), Exit::data,
       "is a folder with 4 bytes"},
      {"symlink_then_file_through_it",
       zip_of({{.name = "x", .text = "/tmp", .mode = 0120777}, {.name = "x/evil", .text = "evil"}}), Exit::data,
       "is a symbolic link"},
      {"duplicate", zip_of({{"a", "1"}, {"a", "2"}}), Exit::data, "two records are named \"a\""},
      {"differs_by_case", zip_of({{"Images/1.JPG", "1"}, {"images/1.jpg", "2"}}), Exit::data, "where case does not"},
      {"differs_by_composition", zip_of({{"h\xc3\xbcte", "1"}, {"hu\xcc\x88te", "2"}}), Exit::data, "where case does"},
      {"differs_by_slash", zip_of({{"a/b", "1"}, {"a\\b", "2"}}), Exit::data, "are one file"},
      {"file_and_folder", zip_of({{"a/b", "1"}, {"a", "2"}}), Exit::data, "needs a folder where \"a\" is a file"},
      {"file_and_folder_by_case", zip_of({{"A/b/c", "1"}, {"a/B", "2"}}), Exit::data, "needs a folder where"},
      {"file_and_listed_folder", zip_of({{"a", "1"}, {.name = "a/", .mode = 0040755}}), Exit::data, "is a file"},
  };
}

// Fifield's bomb: the outer entry quotes the inner one whole, so that the inner one's data count twice.
std::string overlapping_bomb() {
  const ZipEntry inner{.name = "inner", .text = std::string(1'000'000, '\0'), .method = kDeflated};
  const std::string quoted = zip_of({inner}).substr(0, 30 + inner.name.size() + inner.packed.size());
  ZipEntry again = inner;
  again.offset_shift = -int64_t(quoted.size());
  return zip_of({{"outer", quoted}, again});
}

// Each below the size at which the ratio counts, 128 GiB together.
std::string many_small_lies() {
  std::vector<ZipEntry> entries;
  for (int i = 0; i < 13'744; ++i)
    entries.push_back({.name = std::to_string(i), .text = "tiny", .method = kDeflated, .bytes = 10'000'000});
  return zip_of(entries);
}

// An end record of zip64 behind `zip_of({{"a", "1"}})`, promising that many entries.
ZipEnd zip64_end(uint64_t entries) {
  const uint64_t offset = 32, bytes = 47;
  return {.count_shift = 0xffff - 1,
          .before = "PK\x06\x06" + le(uint64_t(44)) + le(0u) + le(uint64_t(0)) + le(entries) + le(entries) + le(bytes) +
                    le(offset) + "PK\x06\x07" + le(0u) + le(offset + bytes) + le(1u)};
}

std::vector<BadZip> bad_headers() {
  const std::string zeros(20'000'000, '\0');
  const ZipEntry bomb{.name = "zeros", .text = zeros, .method = kDeflated};
  const std::string kernel = zip_of({{"a", "aaaa"}});
  const auto truncated = "that do not end with a zip directory";
  return {
      {"local_name_differs", among_good({.name = "a", .text = "1", .local_name = "b"}), Exit::data, "another name"},
      {"local_size_differs", among_good({.name = "a", .text = "1", .local_bytes = 2}), Exit::data, "disagree"},
      {"local_method_differs", among_good({.name = "a", .text = "1", .local_method = 8}), Exit::data, "disagree"},
      {"local_flags_differ", among_good({.name = "a", .text = "1", .local_flags = 1}), Exit::data, "disagree"},
      {"local_crc_differs", among_good({.name = "a", .text = "1", .local_crc = 7}), Exit::data, "disagree"},
      {"no_local_header", among_good({.name = "a", .text = "1", .offset_shift = 4}), Exit::data, "hidden before"},
      {"overlap", among_good({.name = "a", .text = "1", .offset_shift = -4}), Exit::data, "overlaps"},
      {"overlapping_bomb", overlapping_bomb(), Exit::data, "record \"inner\": overlaps the record before it"},
      {"ratio_bomb", zip_of({bomb}), Exit::limit, "bytes; the limit is 1000:1"},
      {"claims_4_gb", among_good({.name = "a", .text = "tiny", .method = kDeflated, .bytes = 0xfffffff0}), Exit::limit,
       "would grow from 6 to 4294967280 bytes"},
      {"hidden_bytes", among_good({.name = "a", .text = "1", .junk_before = "#!/bin/sh\n"}), Exit::data, "hidden"},
      {"program_in_front", "MZ" + kernel, Exit::data, "not a zip archive"},
      {"many_bytes_after_it", kernel + std::string(70'000, 'x'), Exit::data, truncated},
      {"comment_cut", zip_of({{"a", "1"}}, {.comment = "hi"}).substr(0, 102), Exit::data, truncated},
      {"cut", kernel.substr(0, kernel.size() - 1), Exit::data, truncated},
      {"directory_moved", zip_of({{"a", "1"}}, {.offset_shift = 1}), Exit::data, "place and size do not fit"},
      {"promises_more", zip_of({{"a", "1"}}, {.count_shift = 1}), Exit::data, "promises 2 records and lists 1"},
      {"promises_fewer", zip_of({{"a", "1"}, {"b", "2"}}, {.count_shift = -1}), Exit::data,
       "promises 1 records and lists more"},
      {"split", zip_of({{"a", "1"}}, {.disk = 1}), Exit::data, "a part of a split zip archive"},
      {"encrypted", among_good({.name = "a", .text = "1", .flags = 1}), Exit::data,
       "is encrypted; unpack the archive with its password"},
      {"strongly_encrypted", among_good({.name = "a", .text = "1", .flags = 0x40}), Exit::data, "has flags 0x40"},
      {"patch", among_good({.name = "a", .text = "1", .flags = 0x20}), Exit::data, "has flags 0x20"},
      {"lzma", among_good({.name = "a", .text = "1", .method = 14}), Exit::data, "is packed by method 14 (LZMA); only"},
      {"no_descriptor",
       zip_of({{.name = "a", .text = "1", .flags = 8, .local_crc = 0, .local_packed_bytes = 0, .local_bytes = 0}}),
       Exit::data, "damaged descriptor"},
      {"false_descriptor",
       zip_of({{.name = "a",
                .text = "1",
                .flags = 8,
                .local_crc = 0,
                .local_packed_bytes = 0,
                .local_bytes = 0,
                .descriptor = "PK\x07\x08" + std::string(12, '\0')}}),
       Exit::data, "damaged descriptor"},
      {"descriptor_of_nothing",
       zip_of({{.name = "a", .text = "1", .flags = 8, .descriptor = "PK\x07\x08" + std::string(12, '\0')}}), Exit::data,
       "hidden before the zip directory"},
      {"runs_past_the_end",
       zip_of({{.name = "a", .text = "1", .packed_bytes = 1000, .bytes = 1000}, {.name = "b", .text = "2"}}),
       Exit::data, "runs past the end"},
      {"size_without_zip64", zip_of({{.name = "a", .text = "1", .packed_bytes = ~0u, .bytes = ~0u}}), Exit::data,
       "runs past the end"},
      {"zip64_cut",
       zip_of(
           {{.name = "a", .text = "1", .packed_bytes = ~0u, .bytes = ~0u, .extra = le(uint16_t(1)) + le(uint16_t(0))}}),
       Exit::data, "cut short"},
      {"zip64_of_16_eib",
       zip_of({{.name = "a",
                .text = "1",
                .method = kDeflated,
                .bytes = ~0u,
                .extra = le(uint16_t(1)) + le(uint16_t(8)) + le(~uint64_t(0)),
                .local_extra = le(uint16_t(1)) + le(uint16_t(8)) + le(~uint64_t(0))}}),
       Exit::limit, "would grow"},
      {"zip64_far_away",
       zip_of({{"a", "1"}}, {.before = std::string(56, '\0') + "PK\x06\x07" + le(0u) + le(~uint64_t(0)) + le(1u)}),
       Exit::data, "zip64 end record should lie at byte 18446744073709551615, but 0 of 56 bytes"},
      {"zip64_near_the_end",
       zip_of({{"a", "1"}}, {.before = std::string(56, '\0') + "PK\x06\x07" + le(0u) + le(uint64_t(100)) + le(1u)}),
       Exit::data, "zip64 end record should lie at byte 100, but 35 of 56 bytes"},
      {"zip64_elsewhere",
       zip_of({{"a", "1"}}, {.before = std::string(56, '\0') + "PK\x06\x07" + le(0u) + le(uint64_t(3)) + le(1u)}),
       Exit::data, "no zip64 end record at byte 3, where the locator says"},
      {"zip64_promises_more", zip_of({{"a", "1"}}, zip64_end(2)), Exit::data, "promises 2 records and lists 1"},
      {"three_million_promised", zip_of({{"a", "1"}}, zip64_end(3'000'000)), Exit::limit, "more than 2000000 records"},
      {"many_small_lies", many_small_lies(), Exit::limit, "unpacks to more than 128 GiB"},
      {"nothing_inside", zip_of({}), Exit::data, "an empty zip archive"},
  };
}

// Lies that only the data show: they are met while unpacking, and what was written by then is taken back.
std::vector<BadZip> bad_data() {
  const std::string text(100'000, 'x');
  const std::string packed = deflated(text);
  const auto lying = [&](uint32_t bytes) {
    return among_good({.name = "a", .text = text, .method = kDeflated, .bytes = bytes});
  };
  return {
      {"holds_more", lying(99'999), Exit::data, "a: damaged in the archive (holds more than the 99999 bytes"},
      {"holds_less", lying(100'001), Exit::data, "holds 100000 of the 100001 bytes it declares"},
      {"declares_nothing", lying(0), Exit::data, "holds more than the 0 bytes"},
      {"stored_crc", among_good({.name = "a", .text = "1", .crc = 7}), Exit::data, "CRC-32 83dcefb7, the directory"},
      {"deflated_crc", among_good({.name = "a", .text = text, .method = kDeflated, .crc = 7}), Exit::data, "CRC-32"},
      {"deflate_cut",
       among_good(
           {.name = "a", .text = text, .method = kDeflated, .packed = packed.substr(0, 40), .crc = crc_of(text)}),
       Exit::data, "the packed bytes end too early"},
      {"no_deflate", among_good({.name = "a", .text = "1234", .method = kDeflated, .packed = "\xff\xff\xff\xff"}),
       Exit::data, "damaged in the archive (invalid"},
      {"bytes_behind_deflate", among_good({.name = "a", .text = text, .method = kDeflated, .packed = packed + "zz"}),
       Exit::data, "bytes behind the end"},
  };
}

const auto test_name = [](const auto& param) { return std::string(param.param.name); };
INSTANTIATE_TEST_SUITE_P(Paths, HostileZip, testing::ValuesIn(bad_paths()), test_name);
INSTANTIATE_TEST_SUITE_P(Headers, HostileZip, testing::ValuesIn(bad_headers()), test_name);
INSTANTIATE_TEST_SUITE_P(Data, HostileZip, testing::ValuesIn(bad_data()), test_name);

std::string complaint(const std::string& bytes) {
  return refusal([&] { data::list_archive(std::as_bytes(std::span(bytes.data(), bytes.size())), "bad.zip"); });
}

TEST(HostileZips, OtherFileTypesAreNamed) {
  EXPECT_EQ(complaint(""), "bad.zip: not a zip archive; it is empty; download or copy it again");
  EXPECT_EQ(complaint("<!DOCTYPE html><html>Sign in"),
            "bad.zip: not a zip archive; it looks like HTML: a web page was saved in its place; download it again");
  EXPECT_EQ(complaint(std::string(257, '\0') + "ustar"),
            "bad.zip: not a zip archive; it is packed with tar; unpack it first");
  EXPECT_EQ(complaint("7z\xbc\xaf\x27\x1c"), "bad.zip: not a zip archive; it is packed with 7-Zip; unpack it first");
  EXPECT_EQ(complaint("Rar!\x1a\x07"), "bad.zip: not a zip archive; it is packed with RAR; unpack it first");
  EXPECT_EQ(complaint("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 46830571\n"),
            "bad.zip: not a zip archive; it is a Git LFS pointer; fetch the file itself with: git lfs pull");
}

TEST(HostileZips, EveryPrefixIsRefused) {
  const std::string good =
      zip_of({{"styles.csv", "id\n1\n", kDeflated}, {"images/1.jpg", "not really"}}, {.comment = "hi"});
  ASSERT_EQ(complaint(good), "");
  for (std::size_t n = 0; n < good.size(); ++n) ASSERT_NE(complaint(good.substr(0, n)), "") << n;
}

TEST(HostileZips, EveryFlippedBitOfTheHeadersIsReadOrRefused) {
  const std::string good = zip_of({{"a/b.txt", "12345", kDeflated}, {"c", "678"}});
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    std::string bytes = good;
    bytes[bit / 8] = char(uint8_t(bytes[bit / 8]) ^ (1u << bit % 8));
    complaint(bytes);  // anything but Error, or reading out of bounds, ends the test
  }
}

}  // namespace
}  // namespace pc::dataset
