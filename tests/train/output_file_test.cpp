// Output files are checked before any work: their suffix, their folder, and that nothing is overwritten unasked.
#include "tools/cli/output_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "kernels/base/error.h"
#include "kernels/base/file.h"
#include "tests/support.h"

namespace pc::cli {
namespace {

std::string refusal(const std::filesystem::path& path, bool force, Exit code) {
  return test::refusal([&] { check_output(path, {".csv", ".jsonl", ".txt"}, force); }, code);
}

TEST(OutputFile, TheSuffixIsOneOfAList) {
  const test::TemporaryFolder folder;
  const std::string tflite = folder / "out.tflite", bare = folder / "out";
  EXPECT_EQ(refusal(tflite, true, Exit::usage), tflite + ": cannot write .tflite files; name it .csv, .jsonl or .txt");
  EXPECT_EQ(refusal(bare, true, Exit::usage), bare + ": no suffix says what to write; name it .csv, .jsonl or .txt");
  EXPECT_EQ(refusal(folder / "out.CSV", false, Exit::usage), "");
  check_output(bare, {}, false);
}

TEST(OutputFile, AnExistingFileIsReplacedOnlyByForce) {
  const test::TemporaryFolder folder;
  const std::string path = folder / "out.csv";
  write_file_atomically(path, "corrected by hand");
  EXPECT_EQ(refusal(path, false, Exit::file), path + " exists already; --force replaces it");
  EXPECT_EQ(refusal(path, true, Exit::file), "");
}

TEST(OutputFile, TheFolderIsThere) {
  const test::TemporaryFolder folder;
  const std::string path = folder / "no/out.csv";
  EXPECT_EQ(refusal(path, false, Exit::file), "cannot write " + path + ": there is no folder " +
                                                  (folder / "no").string() + "; mkdir -p " + (folder / "no").string() +
                                                  " makes it");
  std::filesystem::create_directory(folder / "sub.csv");
  EXPECT_EQ(refusal(folder / "sub.csv", true, Exit::file),
            "cannot write " + (folder / "sub.csv").string() + ": it is a folder");
}

TEST(OutputFile, DevicesAndPipesHaveNoSuffix) {
  EXPECT_EQ(refusal("/dev/null", false, Exit::usage), "");
  const test::TemporaryFolder folder;
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  EXPECT_EQ(refusal(folder / "pipe", false, Exit::usage), "");
}

}  // namespace
}  // namespace pc::cli
