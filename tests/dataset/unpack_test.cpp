// pcdata unpack on archives it takes: every way they are written, and a destination that is complete or absent.
#include <fmt/format.h>
#include <malloc.h>
#include <sys/stat.h>
#include <zip.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <thread>

#include "tests/dataset/zip_bytes.h"
#include "tests/programs.h"

namespace pc::dataset {
namespace {

namespace fs = std::filesystem;
using namespace test;
using Paths = std::vector<std::string>;

class Unpack : public testing::Test {
 protected:
  Outcome unpack(const std::string& bytes, const Paths& arguments = {"set.zip", "out"}) const {
    write_file_atomically(folder_ / "set.zip", bytes);
    Paths all{"unpack"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    return run(folder_.path(), "pcdata", all);
  }
  std::string text(const std::string& name) const { return read_file(folder_ / ("out/" + name)); }
  Paths listed() const { return listing(folder_ / "out"); }
  TemporaryFolder folder_;
};

TEST_F(Unpack, FilesAndFolders) {
  const std::string long_text(300'000, 'y');
  std::string stored;  // several chunks and a part of one
  for (int i = 0; i < 70'001; ++i) stored += le(uint32_t(i) * 2654435761u);
  const Outcome o = unpack(zip_of({{.name = "images/", .mode = 0040755},
                                   {"images/1.jpg", "one"},
                                   {.name = "images/run.sh", .text = "#!", .mode = 0104777},
                                   {"empty", ""},
                                   {"empty.packed", "", kDeflated},
                                   {"deep/er/long.txt", long_text, kDeflated},
                                   {"stored.bin", stored},
                                   {.name = "none/", .mode = 0040755}}));
  EXPECT_EQ(o.code, 0) << o.err;
  EXPECT_EQ(o.err, "");
  EXPECT_EQ(o.out, "out: 6 files, 580009 bytes, 0 copies left out\n");
  EXPECT_EQ(listed(), (Paths{"deep/", "deep/er/", "deep/er/long.txt", "empty", "empty.packed", "images/",
                             "images/1.jpg", "images/run.sh", "none/", "stored.bin"}));
  EXPECT_TRUE(text("stored.bin") == stored);
  EXPECT_EQ(text("images/1.jpg"), "one");
  EXPECT_EQ(text("deep/er/long.txt"), long_text);
  struct stat info {};
  ASSERT_EQ(::stat((folder_ / "out/images/run.sh").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07111, 0u) << "neither setuid nor executable";
}

TEST_F(Unpack, EveryWayToWriteIt) {
  const std::string descriptor = "PK\x07\x08" + le(crc_of("late")) + le(4u) + le(4u);
  const std::string wide = "PK\x07\x08" + le(crc_of("wide")) + le(uint64_t(4)) + le(uint64_t(4));
  const std::string sizes = le(uint16_t(1)) + le(uint16_t(16)) + le(uint64_t(5)) + le(uint64_t(5));
  const Outcome o = unpack(zip_of(
      {{.name = "late",
        .text = "late",
        .flags = 8,
        .local_crc = 0,
        .local_packed_bytes = 0,
        .local_bytes = 0,
        .descriptor = descriptor},
       {.name = "wide",
        .text = "wide",
        .flags = 8,
        .local_crc = 0,
        .local_packed_bytes = 0,
        .local_bytes = 0,
        .descriptor = wide},
       {.name = "zip64", .text = "zip64", .packed_bytes = ~0u, .bytes = ~0u, .extra = sizes, .local_extra = sizes},
       {.name = "best", .text = "best", .method = kDeflated, .flags = 2},
       {.name = "windows\\a.txt", .text = "w", .mode = 0},
       {.name = "h\x81te/1.txt", .text = "CP437", .mode = 0},
       {.name = "h\xc3\xbcte/2.txt", .text = "UTF-8", .flags = 0x800},
       {.name = "extra", .text = "x", .extra = "UT\x05\0\x03\0\0\0\0"}},
      {.comment = "a1b2c3: made by a site"}));
  EXPECT_EQ(o.code, 0) << o.err;
  EXPECT_EQ(listed(), (Paths{"best", "extra", "h\xc3\xbcte/", "h\xc3\xbcte/1.txt", "h\xc3\xbcte/2.txt", "late", "wide",
                             "windows/", "windows/a.txt", "zip64"}));
  EXPECT_EQ(text("late") + text("wide") + text("zip64") + text("best"), "latewidezip64best");
}

TEST_F(Unpack, KagglesCopiesAreLeftOutAndCounted) {
  const Outcome o = unpack(zip_of({{"images/1.jpg", "one"},
                                   {"styles.csv", "id"},
                                   {.name = "myntradataset/", .mode = 0040755},
                                   {"myntradataset/images/1.jpg", "one"},
                                   {"myntradataset/styles.csv", "ID"}}),
                           {"set.zip", "out", "--json"});
  EXPECT_EQ(o.code, 0) << o.err;
  EXPECT_EQ(nlohmann::json::parse(o.out),
            nlohmann::json::parse(R"({"folder": "out", "files": 3, "bytes": 7, "copies_left_out": 1})"));
  EXPECT_EQ(listed(), (Paths{"images/", "images/1.jpg", "myntradataset/", "myntradataset/styles.csv", "styles.csv"}));
  EXPECT_EQ(unpack(zip_of({{"myntradataset/images/1.jpg", "one"}}), {"set.zip", "alone"}).code, 0);
  EXPECT_EQ(read_file(folder_ / "alone/myntradataset/images/1.jpg"), "one");
}

TEST_F(Unpack, TheDestination) {
  const std::string good = zip_of({{"a", "1"}});
  EXPECT_EQ(unpack(good, {"set.zip"}).code, 0);
  EXPECT_EQ(read_file(folder_ / "set/a"), "1");
  EXPECT_EQ(unpack(good, {"set.zip", "slash/"}).code, 0);
  EXPECT_EQ(unpack(good, {"set.zip", (folder_ / "absolute").string()}).code, 0);
  fs::create_symlink("nowhere", folder_ / "dangling");
  const Paths before = listing(folder_.path());
  for (const char* there : {"slash", "slash/", ".", "set.zip", "dangling"}) {
    const Outcome o = unpack(good, {"set.zip", there});
    EXPECT_TRUE(ended(o, 4, "exists already; --force replaces it")) << there;
  }
  EXPECT_EQ(unpack(good, {"set.zip", "slash", "--force"}).code, 0);
  write_file_atomically(folder_ / "slash/mine", "mine");
  const Outcome kept = unpack(good, {"set.zip", "slash", "--force"});
  EXPECT_TRUE(ended(kept, 4, "slash/mine would be lost"));
  EXPECT_EQ(read_file(folder_ / "slash/mine"), "mine");
  fs::remove(folder_ / "slash/mine");
  const Outcome o = unpack(good, {"set.zip", "no/such/folder"});
  EXPECT_EQ(o.code, 4);
  EXPECT_EQ(o.err, "pcdata: cannot make no/such/folder: there is no folder no/such\n");
  EXPECT_EQ(unpack(good, {"absent.zip"}).code, 4);
  EXPECT_EQ(unpack(good, {"."}).code, 4);
  EXPECT_EQ(unpack(good, {}).code, 2);
  EXPECT_EQ(listing(folder_.path()), before);
}

TEST_F(Unpack, AStopLeavesNothing) {
  std::vector<ZipEntry> entries;
  for (int i = 0; i < 20'000; ++i) entries.push_back({.name = fmt::format("{}.txt", i), .text = "x"});
  write_file_atomically(folder_ / "set.zip", zip_of(entries));
  for (const int signal : {SIGTERM, SIGINT}) {
    const TemporaryFolder prints;
    const pid_t child = start(prints.path(), folder_.path(), "pcdata", {"unpack", "set.zip", "out"});
    const fs::path temporary = folder_ / fmt::format("out.tmp.{}", child);
    for (int i = 0; i < 10'000 && !fs::exists(temporary / "9.txt"); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    ::kill(child, signal);
    const Outcome o = wait_for(child, prints.path());
    EXPECT_EQ(o.code, 75) << o.err;
    EXPECT_EQ(o.err, "pcdata: stopped, nothing is left of it; run the same command again\n");
    EXPECT_EQ(listing(folder_.path()), Paths{"set.zip"});
  }
}

TEST_F(Unpack, AWriteThatFailsLeavesNothing) {
  const std::string noise = [] {
    std::string s(100'000, '\0');
    for (std::size_t i = 0; i < s.size(); ++i) s[i] = char(i * i >> 3);
    return s;
  }();
  write_file_atomically(folder_ / "set.zip", zip_of({{"a", "1"}, {"b/c", noise}}));
  const Outcome o =
      run(folder_.path(), "/bin/sh", {"-c", "ulimit -f 8; exec " PC_BIN_DIR "/pcdata unpack set.zip out"});
  EXPECT_TRUE(ended(o, 4, "/b/c: File too large"));
  EXPECT_EQ(listing(folder_.path()), Paths{"set.zip"});
}

TEST_F(Unpack, AskedForMoreThanIsFree) {
  const uint64_t large = 10'000'000, count = fs::space(folder_.path()).available / large + 1'000;
  std::vector<ZipEntry> entries;
  for (uint64_t i = 0; i < count; ++i)
    entries.push_back({.name = std::to_string(i), .text = "x", .method = kDeflated, .bytes = uint32_t(large)});
  const Outcome o = unpack(zip_of(entries));
  EXPECT_TRUE(ended(o, 4, fmt::format("out: needs {} bytes, ", count * large)));
  EXPECT_EQ(listing(folder_.path()), Paths{"set.zip"});
}

// 80 MB in one entry of some hundred KB.
std::string large_entry() {
  std::string block(1500, '\0'), text;
  for (std::size_t i = 0; i < block.size(); ++i) block[i] = char(i * i * 31 >> 4);
  while (text.size() < 80'000'000) text += block;
  return zip_of({{"large", text, kDeflated}});
}

// Refused by the last check of all.
std::string many_entries() {
  std::vector<ZipEntry> many;
  for (int i = 0; i < 60'000; ++i) many.push_back({.name = fmt::format("a_name_of_some_length_{}", i)});
  many.push_back({.name = "A_NAME_OF_SOME_LENGTH_0"});
  return zip_of(many);
}

TEST_F(Unpack, MemoryIsBoundedByTheArchive) {
  if (!kMemoryIsMeasurable) GTEST_SKIP() << "sanitizer: memory is not measured";
  write_file_atomically(folder_ / "large.zip", large_entry());
  write_file_atomically(folder_ / "many.zip", many_entries());
  ::malloc_trim(0);  // a child counts from what its parent held
  for (const char* name : {"large.zip", "many.zip"}) {
    const auto bytes = int64_t(fs::file_size(folder_ / name));
    const Outcome o = run(folder_.path(), "pcdata", {"unpack", name, "out"});
    EXPECT_EQ(o.code, name[0] == 'l' ? 0 : 3) << o.err;
    EXPECT_LE(o.peak_kib * 1024, (64 << 20) + 2 * bytes) << name;
    RecordProperty(name, int(o.peak_kib));
  }
}

// Every file as libzip reads it: a second opinion on a real archive.
TEST_F(Unpack, SharedArchive) {
  PC_NEEDS_SHARED("datasets/raw-jpegs-400.zip");
  const fs::path archive = fs::canonical(shared_file("datasets/raw-jpegs-400.zip"));
  const Outcome o = run(folder_.path(), "pcdata", {"unpack", archive.string(), "out"});
  ASSERT_EQ(o.code, 0) << o.err;
  EXPECT_EQ(o.out, "out: 401 files, 5039985 bytes, 0 copies left out\n");
  const std::unique_ptr<zip_t, void (*)(zip_t*)> zip(zip_open(archive.c_str(), ZIP_RDONLY, nullptr), zip_discard);
  ASSERT_EQ(zip_get_num_entries(zip.get(), 0), 401);
  for (zip_uint64_t i = 0; i < 401; ++i) {
    zip_stat_t info;
    zip_stat_index(zip.get(), i, 0, &info);
    std::string expected(info.size, '\0');
    const std::unique_ptr<zip_file_t, int (*)(zip_file_t*)> file(zip_fopen_index(zip.get(), i, 0), zip_fclose);
    ASSERT_EQ(zip_fread(file.get(), expected.data(), info.size), zip_int64_t(info.size));
    ASSERT_EQ(text(info.name), expected) << info.name;
  }
}

}  // namespace
}  // namespace pc::dataset
