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
    EXPECT_TRUE(problems.empty());
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
  EXPECT_EQ(absent[0].folder, folder / "no");
  EXPECT_EQ(absent[0].error.message(), "No such file or directory");
  if (::geteuid() == 0) return;  // root may read everything
  fs::create_directory(folder / "shut");
  fs::permissions(folder / "shut", fs::perms::none);
  const auto shut = walk_files(folder.path(), {}, none);
  fs::permissions(folder / "shut", fs::perms::owner_all);
  ASSERT_EQ(shut.size(), 1u);
  EXPECT_EQ(shut[0].folder, folder / "shut");
}

TEST(ListFolder, SortedAndEmptyWhereThereIsNone) {
  const test::TemporaryFolder folder;
  for (const char* name : {"c", "a", "b"}) write_file_atomically(folder / name, "");
  EXPECT_EQ(list_folder(folder.path()), (std::vector<fs::path>{folder / "a", folder / "b", folder / "c"}));
  EXPECT_TRUE(list_folder(folder / "no").empty());
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
  try {
    make_folders(folder / "file/c");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Exit::file);
    EXPECT_EQ(std::string(error.what()), "cannot make folder " + (folder / "file/c").string() + ": Not a directory");
  }
}

TEST(Temporary, IsKnownByItsNameAndSwept) {
  const test::TemporaryFolder folder;
  EXPECT_EQ(temporary_for("runs/model"), "runs/model.tmp." + std::to_string(::getpid()));
  EXPECT_TRUE(is_temporary(temporary_for("a.tmp.d/model")));
  EXPECT_FALSE(is_temporary("a.tmp.d/model"));
  make_folders(folder / "last");
  for (const std::string name : {"model", "last/model", "last/template"}) write_file_atomically(folder / name, name);
  write_file_atomically(folder / "model.tmp.1", "");
  write_file_atomically(folder / "last/model.tmp.99", "");
  remove_temporaries(folder.path());
  EXPECT_EQ(list_folder(folder.path()), (std::vector<fs::path>{folder / "last", folder / "model"}));
  EXPECT_EQ(list_folder(folder / "last"), (std::vector<fs::path>{folder / "last/model", folder / "last/template"}));
  remove_temporaries(folder / "no");
}

}  // namespace
}  // namespace pc
