// Class folders with and without a split, as people and Kaggle's archives lay them out.

#include <fstream>

#include "data/describe.h"
#include "data/split.h"
#include "small_set.h"
#include "tests/as_nobody.h"
#include "tests/support.h"

namespace pc::data {
namespace {

using namespace test;

class ClassFolders : public testing::Test {
 protected:
  std::filesystem::path root(const Strings& paths) {
    Files files;
    for (const std::string& path : paths) files[path] = jpeg(int(files.size()));
    std::filesystem::remove_all(folder_ / "set");
    write_tree(folder_ / "set", files);
    return folder_ / "set";
  }
  DataSet open(const Strings& paths) { return open_dataset(root(paths), {}); }
  std::string refused(const Strings& paths) {
    const std::string where = root(paths).string();
    std::string error = error_of([&] { open_dataset(where, {}); });
    if (const auto at = error.find(where); at != error.npos) error.replace(at, where.size(), "SET");
    return error;
  }
  TemporaryFolder folder_;
};

std::string all_of(const Strings& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

int64_t count(const DataSet& data, Split side) {
  return std::count(data.catalog.given.begin(), data.catalog.given.end(), side);
}

TEST_F(ClassFolders, SplitFoldersOfAnyNameAreTheSplit) {
  struct Names {
    std::string train, val, test;
  };
  const Names cases[] = {
      {"train", "val", "test"}, {"Training", "Validation", "Testing"}, {"TRAIN", "VALID", "TEST"},
      {"Train", "dev", "test"}, {"train_set", "val_set", "test_set"},  {"seg_train", "seg_dev", "seg_test"}};
  for (const auto& [train, val, test] : cases) {
    const DataSet data = open(
        {train + "/hat/1.jpg", train + "/shoe/2.jpg", train + "/shoe/5.jpg", val + "/hat/3.jpg", test + "/shoe/4.jpg"});
    EXPECT_EQ(data.catalog.classes[0], (Strings{"hat", "shoe"})) << train;
    EXPECT_EQ(count(data, Split::train), 3) << train;
    EXPECT_EQ(count(data, Split::val), 1) << train;
    EXPECT_EQ(count(data, Split::test), 1) << train;
    EXPECT_HAS(data.split_from, train + "/");
    EXPECT_HAS(data.split_from, test + "/");
  }
}

TEST_F(ClassFolders, FoldersAroundTheSplitAreLookedThrough) {
  for (const std::string above : {"", "archive/", "archive/My Data/"}) {
    // Intel's image classification: each zip was unpacked into a folder of its own name.
    const DataSet data = open({above + "seg_train/seg_train/hat/1.jpg", above + "seg_train/seg_train/shoe/2.jpg",
                               above + "seg_test/seg_test/hat/3.jpg", above + "seg_test/seg_test/shoe/4.jpg"});
    EXPECT_EQ(data.catalog.classes[0], (Strings{"hat", "shoe"}));
    EXPECT_EQ(count(data, Split::test), 2);
  }
}

TEST_F(ClassFolders, SplitFoldersBelowEachClassAreTheSplit) {
  const DataSet data = open({"hat/Train/1.jpg", "hat/Test/2.jpg", "shoe/train/3.jpg", "shoe/test/4.jpg"});
  EXPECT_EQ(data.catalog.classes[0], (Strings{"hat", "shoe"}));
  EXPECT_EQ(data.catalog.given, (std::vector<Split>{Split::test, Split::train, Split::test, Split::train}));
  const DataSet partly = open({"hat/train/1.jpg", "hat/test/2.jpg", "shoe/3.jpg"});
  EXPECT_TRUE(partly.catalog.given.empty());
  EXPECT_HAS(all_of(partly.catalog.report.warnings), "2 images lie in folders of a split");
}

TEST_F(ClassFolders, AFlatTestFolderHasNoLabelsAndIsNoClass) {
  for (const std::string test : {"test", "Testing", "TEST"}) {
    const DataSet data = open({"train/hat/1.jpg", "train/shoe/2.jpg", test + "/3.jpg", test + "/4.jpg"});
    EXPECT_EQ(data.catalog.classes[0], (Strings{"hat", "shoe"}));
    EXPECT_EQ(files_of(data), (Strings{"train/hat/1.jpg", "train/shoe/2.jpg"}));
    EXPECT_TRUE(data.catalog.given.empty()) << "what tests is drawn from train/";
    EXPECT_EQ(data.catalog.report.images_without_row, 2);
    EXPECT_EQ(data.catalog.report.warnings, Strings{test + "/: 2 images in no class folder of the split, left out"});
  }
}

TEST_F(ClassFolders, AFolderBesideTheSplitIsNamed) {
  const DataSet data = open({"train/hat/1.jpg", "test/shoe/2.jpg", "seg_pred/3.jpg", "todo/hat/4.jpg"});
  EXPECT_EQ(data.catalog.items.size(), 2u);
  EXPECT_EQ(data.catalog.report.warnings, (Strings{"seg_pred/: 1 images in no class folder of the split, left out",
                                                   "todo/: 1 images in no class folder of the split, left out"}));
}

TEST_F(ClassFolders, WhatCouldBeASplitOrClassesIsRefusedByName) {
  EXPECT_EQ(
      refused({"Training/1.jpg", "Testing/2.jpg"}),
      "3: SET: Testing/, Training/ hold images but no class folders, so that nothing names their classes; give each "
      "of them a folder per class, or the data set a styles.csv and images/");
  EXPECT_EQ(
      refused({"hat/1.jpg", "shoe/2.jpg", "Test/3.jpg"}),
      "3: SET: is Test/ a split or a class? hat/, shoe/ lie beside it; put every class folder below train/, val/ and "
      "test/, or move Test/ away");
  EXPECT_TRUE(
      refused({"hat/1.jpg", "train/shoe/2.jpg"}).starts_with("3: SET: is train/ a split or a class? hat/ lies"));
  EXPECT_TRUE(refused({"hat/1.jpg", "train/2.jpg", "test/3.jpg"}).starts_with("3: SET: is test/, train/ a split"));
}

TEST_F(ClassFolders, AToyTrainIsAClass) {
  const DataSet data = open({"Boat/1.jpg", "Train/2.jpg", "Car/3.jpg"});
  EXPECT_EQ(data.catalog.classes[0], (Strings{"Boat", "Car", "Train"}));
  EXPECT_EQ(data.catalog.report.warnings, Strings{"Train/ is taken as a class, like the folders beside it"});
}

TEST_F(ClassFolders, ClassesThatAreAlikeAreNamedWithTheirCounts) {
  const DataSet data = open({"train/Hat/1.jpg", "train/Hat/2.jpg", "test/hat/3.jpg", "train/shoe/4.jpg",
                             "train/Caf\xc3\xa9/5.jpg", "test/Cafe\xcc\x81/6.jpg"});
  EXPECT_EQ(data.catalog.classes[0].size(), 5u);
  const std::string warnings = all_of(data.catalog.report.warnings);
  EXPECT_HAS(warnings, "label: \"Hat\" (2), \"hat\" (1) differ by blanks, letter case or encoding alone");
  EXPECT_HAS(warnings, "label: \"Cafe\\u{301}\" (1), \"Caf\xc3\xa9\" (1) differ");
  EXPECT_EQ(data.catalog.report.warnings.size(), 2u);
}

TEST_F(ClassFolders, AFolderThatCannotBeReadIsAnErrorAndNeverAClassLess) {
  namespace fs = std::filesystem;
  fs::permissions(folder_.path(), fs::perms(0755));
  for (const int mode : {0744, 0711, 0000}) {  // listed but not entered, entered but not listed, neither
    const auto where = root({"a/1.jpg", "b/2.jpg", "b/3.jpg", "c/4.jpg"});
    fs::permissions(where / "b", fs::perms(mode));
    std::string error;
    {
      const test::AsNobody nobody;
      if (!nobody.changed()) GTEST_SKIP() << "not allowed here: no other user to be";
      error = error_of([&] { open_dataset(where, {}); });
    }
    fs::permissions(where / "b", fs::perms(0755));
    EXPECT_TRUE(error.starts_with("4: cannot read " + (where / "b").string())) << mode << ": " << error;
    EXPECT_HAS(error, "Permission denied");
    if (mode == 0744) {
      EXPECT_HAS(error, "neither can 1 more files");
    }
  }
}

TEST_F(ClassFolders, AFileThatAnotherAttemptMayFindIsAnError) {
  namespace fs = std::filesystem;
  fs::permissions(folder_.path(), fs::perms(0755));
  const auto where = root({"a/1.jpg", "b/2.jpg", "b/3.jpg"});
  const auto locked = folder_ / "locked";
  fs::create_directories(locked);
  std::ofstream(locked / "4.jpg") << "";
  fs::create_symlink(locked / "4.jpg", where / "b/4.jpg");
  fs::permissions(locked, fs::perms(0000));
  std::string error = "nothing";
  {
    const test::AsNobody nobody;
    if (nobody.changed()) error = error_of([&] { open_dataset(where, {}); });
  }
  fs::permissions(locked, fs::perms(0755));
  if (error == "nothing") GTEST_SKIP() << "not allowed here: no other user to be";
  EXPECT_EQ(error, "4: cannot read " + (where / "b/4.jpg").string() + ": Permission denied");
}

TEST_F(ClassFolders, AFileThatCannotBeReadIsCounted) {
  const auto where = root({"a/1.jpg", "b/2.jpg", "b/3.jpg"});
  std::filesystem::create_symlink("loop.jpg", where / "b/loop.jpg");
  std::filesystem::create_symlink("nowhere.jpg", where / "b/dangling.jpg");
  std::filesystem::create_symlink("nowhere.txt", where / "notes.txt");
  const DataSet data = open_dataset(where, {});
  EXPECT_EQ(data.catalog.items.size(), 3u);
  ASSERT_EQ(data.catalog.report.warnings.size(), 1u);
  EXPECT_TRUE(
      data.catalog.report.warnings[0].starts_with("3 files left out that cannot be read, the first: cannot read "))
      << data.catalog.report.warnings[0];
  // Alone in its folder it would take a class with it.
  std::filesystem::create_directories(where / "c");
  std::filesystem::create_symlink("loop.jpg", where / "c/loop.jpg");
  EXPECT_TRUE(
      error_of([&] { open_dataset(where, {}); }).starts_with("4: cannot read " + (where / "c/loop.jpg").string()));
  std::filesystem::remove(where / "c/loop.jpg");
  std::filesystem::create_symlink("/no/such/disk/d", where / "d");
  EXPECT_TRUE(error_of([&] { open_dataset(where, {}); }).starts_with("4: cannot read " + (where / "d").string()));
}

TEST_F(ClassFolders, TheDescriptionNamesLayoutClassesAndSplit) {
  Strings paths;
  for (const char* name : {"a", "b", "c", "d", "e", "f", "g", "h"})
    for (const char* side : {"Train", "Test"}) paths.push_back(std::string("x/") + side + "/" + name + "/1.jpg");
  EXPECT_EQ(describe(open(paths)),
            (Strings{"16 image files, a folder per class below Test/, Train/ in x/",
                     "label: 8 classes: a, b, c, d, e and 3 more",
                     "split given by the folders Test/, Train/: 8 to train, 0 to validate, 8 to test"}));
  EXPECT_EQ(describe(open({"hat/1.jpg", "shoe/2.jpg"})),
            (Strings{"2 image files, a folder per class", "label: 2 classes: hat, shoe",
                     "the data set comes without a split"}));
}

}  // namespace
}  // namespace pc::data
