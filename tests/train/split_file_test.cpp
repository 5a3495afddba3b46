// split.csv as a run writes it and a spreadsheet saves it again; confusion.csv. What a spreadsheet opens holds no formula.
#include "tools/runs/split_file.h"

#include <fmt/format.h>

#include "kernels/base/error.h"
#include "kernels/base/file.h"
#include "tests/support.h"
#include "tests/train/runs.h"

namespace pc::test {
namespace {

using data::Split;

data::Catalog catalog_of(const std::vector<std::string>& files) {
  data::Catalog catalog;
  for (const std::string& file : files) catalog.items.push_back({.file = file, .labels = {}});
  return catalog;
}

class SplitFile : public testing::Test {
 protected:
  std::vector<Split> read(const std::string& text, const data::Catalog& catalog) const {
    write_file_atomically(folder_ / "split.csv", text);
    return runs::read_split(folder_ / "split.csv", catalog);
  }
  TemporaryFolder folder_;
};

TEST_F(SplitFile, HoldsNoFormulaAndIsReadBack) {
  const auto catalog =
      catalog_of({"=cmd|'/c calc'!A0/1.jpg", "+1.jpg", "-1.jpg", "@sum/1.jpg", "'=1.jpg", "'a.jpg", "a, b.jpg",
                  "caf\xe9/1.jpg", "two\nlines.jpg", "\xff\xfe, \"\x80\".jpg", " cr\r.jpg"});
  const std::vector<Split> split = {Split::train, Split::val, Split::test,   Split::train, Split::train, Split::test,
                                    Split::test,  Split::val, Split::unused, Split::test,  Split::val};
  const std::string text = runs::split_csv(catalog, split, {{0, 2}});
  EXPECT_TRUE(
      text.starts_with("file,split,group\n'=cmd|'/c calc'!A0/1.jpg,train,1\n'+1.jpg,val,\n'-1.jpg,test,1\n"
                       "'@sum/1.jpg,train,\n''=1.jpg,train,\n'a.jpg,test,\n"))
      << text;
  EXPECT_EQ(read(text, catalog), split);
}

TEST_F(SplitFile, OfOtherProgramsIsRead) {
  const auto catalog = catalog_of({"=a.jpg", "b;c.jpg", "d.jpg"});
  const std::vector<Split> split = {Split::train, Split::val, Split::test};
  for (const char* text :
       {"file,split\n=a.jpg,train\nb;c.jpg,val\nd.jpg,test\n",
        "sep=;\r\nFile;Split;Group\r\n=a.jpg;Training;\r\n\"b;c.jpg\";Validation;\r\nd.jpg;TEST;\r\n;;\r\n",
        "\xef\xbb\xbf"
        "file\tsplit\t\t\n=a.jpg\ttrain\t\t\nb;c.jpg\tDev\t\t\nd.jpg\ttesting \t\t\n"})
    EXPECT_EQ(read(text, catalog), split) << text;
  EXPECT_EQ(read("file,split\n=a.jpg,Unused\nb;c.jpg,val\nd.jpg,test\n", catalog)[0], Split::unused);
  EXPECT_THROW(read("file,split\n=a.jpg,trian\nb;c.jpg,val\nd.jpg,test\n", catalog), Error);
}

TEST(ConfusionCsv, HoldsNoFormula) {
  const TemporaryFolder folder;
  for (const char* label : {"=cmd|'calc'!A0", "@shoe"})
    for (int i = 0; i < 12; ++i) {
      data::Image image{.h = 16, .w = 16, .pixels = std::vector<uint8_t>(16 * 16 * 3)};
      for (std::size_t p = 0; p < image.pixels.size(); ++p)
        image.pixels[p] = uint8_t(p * std::size_t(i + 3) + (label[0] == '@' ? 90 : 0));
      std::filesystem::create_directories(folder / "set" / label);
      write_png(folder / "set" / label / fmt::format("{}.png", i), image);
    }
  auto arguments = train_arguments(folder.path(), folder / "set", "run");
  arguments.insert(arguments.end(),
                   {"--set", "train.epochs=1", "--set", "data.split=random", "--set", "data.test=0.4"});
  const Outcome outcome = run_program("pctrain", arguments);
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  for (const char* file : {"confusion.csv", "split.csv"}) {
    const std::string text = read_file(folder / "runs" / "run" / file);
    EXPECT_HAS(text, "'=cmd");
    for (const char* formula : {"\n=", ",=", "\n@", ",@", ",\"=", "\n\"="})
      EXPECT_LACKS(text, formula) << file << "\n" << text;
  }
}

}  // namespace
}  // namespace pc::test
