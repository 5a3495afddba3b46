// Folders walked, listed and swept: links, loops, depth and what cannot be read.
#include "kernels/base/directory.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <set>

#include "kernels/base/error.h"
#include "kernels/base/file.h"
#include "kernels/base/temporary.h"
#include "tests/support.h"

namespace pc {
namespace {

namespace fs = std::filesystem;

// a, sub/b, sub/deep/c, .hidden/d; links: file -> a, into -> sub, dangling -> nowhere.
class Walk : public testing::Test {
 protected:
  Walk() {
    for (const std::string name : {"a", "sub/b", "sub/deep/c", ".hidden/d"}) {
      make_folders((folder_ / name).parent_path());
      write_file_atomically(folder_ / name, name);
    }
    fs::create_symlink("a", folder_ / "file");
    fs::create_symlink("sub", folder_ / "into");
    fs::create_symlink("nowhere", folder_ / "dangling");
  }
  std::set<std::string> walk(const WalkRules& rules) {
    std::set<std::string> found;
    const auto problems =
        walk_files(folder_.path(), rules, [&](const fs::directory_entry& file, const std::string& below) {
          EXPECT_EQ(file.path(), folder_ / below);
          EXPECT_TRUE(found.insert(below).second) << below;
        });
    EXPECT_FALSE(problems.empty());  // every walk from the root meets the dangling link, a loop more than once
    for (const WalkProblem& problem : problems) {
      EXPECT_EQ(problem.path.filename(), "dangling");
      EXPECT_EQ(problem.text(), "cannot read " + problem.path.string() + ": No such file or directory");
    }
    return found;
  }
  test::TemporaryFolder folder_;
};

TEST_F(Walk, FindsFilesAndLinksToThem) {
  EXPECT_EQ(walk({}), (std::set<std::string>{"a", "sub/b", "sub/deep/c", ".hidden/d", "file"}));
}

TEST_F(Walk, FollowsLinksToFoldersWhereAsked) {
  EXPECT_EQ(walk({.follow_links = true}),
            (std::set<std::string>{"a", "sub/b", "sub/deep/c", ".hidden/d", "file", "into/b", "into/deep/c"}));
}

TEST_F(Walk, EntersNoFolderBelowTheDepth) {
  EXPECT_EQ(walk({.max_depth = 0}), (std::set<std::string>{"a", "file"}));
  EXPECT_EQ(walk({.max_depth = 1}), (std::set<std::string>{"a", "file", "sub/b", ".hidden/d"}));
}

TEST_F(Walk, SkipsByName) {
  const auto skip = [](const std::string& name) { return name == "deep" || name.starts_with('.'); };
  EXPECT_EQ(walk({.skip = skip}), (std::set<std::string>{"a", "sub/b", "file"}));
}

TEST_F(Walk, TheDepthEndsALoop) {
  fs::create_symlink("..", folder_ / "sub/up");
  const auto found = walk({.max_depth = 3, .follow_links = true});
  EXPECT_TRUE(found.contains("sub/up/sub/b"));
  EXPECT_FALSE(found.contains("sub/up/sub/up/a"));
}

TEST(WalkProblems, NameTheFolder) {
  const test::TemporaryFolder folder;
  const auto none = [](const fs::directory_entry&, const std::string&) { FAIL(); };
  const auto absent = walk_files(folder / "no", {}, none);
  ASSERT_EQ(absent.size(), 1u);
  EXPECT_EQ(absent[0].path, folder / "no");
  EXPECT_EQ(absent[0].error.message(), "No such file or directory");
  if (::geteuid() == 0) return;  // root may read everything
  fs::create_directory(folder / "shut");
  fs::permissions(folder / "shut", fs::perms::none);
  const auto shut = walk_files(folder.path(), {}, none);
  fs::permissions(folder / "shut", fs::perms::owner_all);
  ASSERT_EQ(shut.size(), 1u);
  EXPECT_EQ(shut[0].path, folder / "shut");
}

// Links in a circle cannot be followed, for root either: each is a problem of its own, and all else is found, before and behind them.
TEST(WalkProblems, NeverKeepTheWalkFromOtherEntries) {
  const test::TemporaryFolder folder;
  for (const std::string name : {"a", "m", "z"}) {
    make_folders(folder / name);
    write_file_atomically(folder / name / "file", "");
    fs::create_symlink("loop", folder / name / "loop");
  }
  std::set<std::string> found;
  const auto problems =
      walk_files(folder.path(), {}, [&](const auto&, const std::string& below) { found.insert(below); });
  EXPECT_EQ(found, (std::set<std::string>{"a/file", "m/file", "z/file"}));
  std::set<fs::path> named;
  for (const WalkProblem& problem : problems) named.insert(problem.path);
  EXPECT_EQ(named, (std::set<fs::path>{folder / "a/loop", folder / "m/loop", folder / "z/loop"}));
}

TEST(ListFolder, SortedAndEmptyWhereThereIsNone) {
  const test::TemporaryFolder folder;
  for (const char* name : {"c", "a", "b"}) write_file_atomically(folder / name, "");
  EXPECT_EQ(list_folder(folder.path()), (std::vector<fs::path>{folder / "a", folder / "b", folder / "c"}));
  EXPECT_TRUE(list_folder(folder / "no").empty());
  EXPECT_THROW(list_folder(folder / "a"), Error) << "a file has no entries to list";
}

TEST(MakeFolders, MakesThoseAboveAndNamesWhatIsWrong) {
  const test::TemporaryFolder folder;
  EXPECT_EQ(make_folders(folder / "a/b"), folder / "a/b");
  EXPECT_TRUE(is_folder(folder / "a/b"));
  EXPECT_FALSE(is_file(folder / "a/b"));
  make_folders(folder / "a/b");
  write_file_atomically(folder / "file", "");
  EXPECT_TRUE(is_file(folder / "file"));
  EXPECT_FALSE(is_folder(folder / "file"));
  EXPECT_EQ(test::error_of([&] { make_folders(folder / "file/c"); }),
            "4: cannot make folder " + (folder / "file/c").string() + ": Not a directory");
}

TEST(Temporary, IsKnownByItsName) {
  EXPECT_EQ(temporary_for("runs/model"), "runs/model.tmp." + std::to_string(::getpid()));
  EXPECT_TRUE(is_temporary(temporary_for("a.tmp.d/model")));
  for (const char* other : {"a.tmp.1/model", "notes.tmp.", "notes.tmp.2x", "notes.tmp", "tmp.1"})
    EXPECT_FALSE(is_temporary(other)) << other;
}

TEST(Temporary, OfDeadProcessesAreSwept) {
  const test::TemporaryFolder folder;
  make_folders(folder / "last");
  for (const std::string name : {"model", "last/model", "last/template"}) write_file_atomically(folder / name, name);
  append_to_file(folder / "model.tmp.1", "");  // process 1 lives, but nobody holds its lock
  append_to_file(folder / "last/model.tmp.99", "");
  make_folders(folder / "set.tmp.7/images");
  const Descriptor written = create_temporary(folder / "model.tmp.2");
  const Descriptor filled = create_temporary_folder(folder / "set.tmp.8");
  sweep_temporaries(folder.path());
  EXPECT_EQ(list_folder(folder.path()),
            (std::vector<fs::path>{folder / "last", folder / "model", folder / "model.tmp.2", folder / "set.tmp.8"}));
  EXPECT_EQ(list_folder(folder / "last"), (std::vector<fs::path>{folder / "last/model", folder / "last/template"}));
  sweep_temporaries(folder / "no");
}

// In a folder of other people's files only the names of the file that is written.
TEST(Temporary, AWriterSweepsWhatWasLeftOfItsOwnFile) {
  const test::TemporaryFolder folder;
  for (const char* name : {"rows.csv.tmp.1", "rows.csv.tmp.notes", "other.csv.tmp.1"})
    append_to_file(folder / name, "");
  make_folders(folder / "set.tmp.5/images");
  write_file_atomically(folder / "rows.csv", "rows");
  write_folder_atomically(folder / "set", [](const fs::path&) {});
  EXPECT_EQ(list_folder(folder.path()), (std::vector<fs::path>{folder / "other.csv.tmp.1", folder / "rows.csv",
                                                               folder / "rows.csv.tmp.notes", folder / "set"}));
}

}  // namespace
}  // namespace pc
