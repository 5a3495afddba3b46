// The options that all programs have, and completion as the shells themselves do it.
#include "kernels/base/file.h"
#include "tests/support.h"
#include "tests/train/runs.h"

namespace pc::test {
namespace {

namespace fs = std::filesystem;

// What the shell prints that runs `script`, with the completion of `program` in the file "completion".
std::string asked(const std::string& shell, const std::string& program, const std::string& script) {
  const TemporaryFolder folder;
  const Outcome made = run_program(program, {"--completion", shell});
  EXPECT_EQ(made.code, 0) << made.err;
  EXPECT_EQ(made.err, "");
  write_file_atomically(folder / "completion", made.out);
  write_file_atomically(folder / "script", script);
  const std::string command =
      "cd " + folder.path().string() + " && HOME=$PWD " + shell + " ./script >out 2>err </dev/null";
  EXPECT_EQ(std::system(command.c_str()), 0) << read_file(folder / "err");
  EXPECT_EQ(read_file(folder / "err"), "");
  return read_file(folder / "out");
}

bool installed(const std::string& shell) { return fs::exists("/usr/bin/" + shell); }

std::string bash(const std::string& program, const std::string& words) {
  return asked("bash", program,
               ". ./completion\nCOMP_WORDS=(" + words + ")\nCOMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n_" + program +
                   "\necho \"${COMPREPLY[@]}\"\n");
}

TEST(Completion, BashOffersOptionsAndValues) {
  EXPECT_EQ(bash("pcpredict", "pcpredict --de"), "--device\n");
  EXPECT_EQ(bash("pcpredict", "pcpredict --device ''"), "cpu cuda\n");
  EXPECT_EQ(bash("pcpredict", "pcpredict --device cu"), "cuda\n");
  EXPECT_EQ(bash("pcpredict", "pcpredict pho"), "\n") << "a file, which bash completes itself";
  EXPECT_EQ(bash("pctrain", "pctrain --arch smal"), "smallcnn\n");
  EXPECT_EQ(bash("pctrain", "pctrain --lr ''"), "\n") << "any number";
  EXPECT_EQ(bash("pctrain", "pctrain -"), bash("pctrain", "pctrain photos -")) << "after an input too";
  EXPECT_EQ(bash("pcserve", "pcserve --work"), "\n") << "what other programs have is answered, not offered";
}

TEST(Completion, BashKnowsSubcommands) {
  EXPECT_EQ(bash("pcdata", "pcdata ''"), "fetch unpack inspect pack sample\n");
  EXPECT_EQ(bash("pcdata", "pcdata un"), "unpack\n");
  EXPECT_EQ(bash("pcdata", "pcdata inspect --ht"), "--html\n");
  EXPECT_EQ(bash("pcdata", "pcdata unpack --ht"), "\n") << "of another subcommand";
}

TEST(Completion, EveryProgramHasItForEveryShell) {
  for (const char* program :
       {"pctrain", "pcpredict", "pceval", "pcmerge", "pcindex", "pcserve", "pcconvert", "pcdata", "pcdoctor"}) {
    EXPECT_EQ(bash(program, program + std::string(" --vers")), "--version\n");
    if (installed("fish")) {
      EXPECT_HAS(asked("fish", program, "source completion\ncomplete -C '" + std::string(program) + " --vers'\n"),
                 "--version\tPrint the version and exit\n");
    }
    if (installed("zsh")) {
      asked("zsh", program,
            "autoload -U compinit && compinit -u -D && . ./completion && whence _" + std::string(program) + "\n");
    }
  }
  if (!installed("fish") || !installed("zsh")) GTEST_SKIP() << "no fish or no zsh; bash was tried";
}

TEST(Completion, FishOffersValuesAndSubcommands) {
  if (!installed("fish")) GTEST_SKIP() << "no fish";
  EXPECT_EQ(asked("fish", "pcpredict", "source completion\ncomplete -C 'pcpredict --device '\n"),
            "cpu\tWhere the network runs\ncuda\tWhere the network runs\n");
  EXPECT_HAS(asked("fish", "pcdata", "source completion\ncomplete -C 'pcdata un'\n"), "unpack\t");
  EXPECT_HAS(asked("fish", "pcdata", "source completion\ncomplete -C 'pcdata inspect --ht'\n"), "--html\t");
}

TEST(CommonOptions, QuietLeavesResultsAndErrors) {
  const TemporaryFolder folder;
  ASSERT_EQ(run_program("pcdata", {"sample", "30", (folder / "shop").string()}).code, 0);
  const std::vector<std::string> inspect{"inspect", (folder / "shop").string()};
  const Outcome usual = run_program("pcdata", inspect), quiet = run_program("pcdata", {"-q", inspect[0], inspect[1]}),
                after = run_program("pcdata", {inspect[0], inspect[1], "--quiet"});
  EXPECT_HAS(usual.err, "data: ");
  EXPECT_EQ(quiet.out, usual.out);
  EXPECT_EQ(quiet.err, "");
  EXPECT_EQ(after.err, "");
  const Outcome wrong = run_program("pcdata", {"-q", "inspect", (folder / "nothing").string()});
  EXPECT_EQ(wrong.code, 4);
  EXPECT_HAS(wrong.err, "nothing");
}

TEST(CommonOptions, VerboseTellsTimeAndMemory) {
  const TemporaryFolder folder;
  ASSERT_EQ(run_program("pcdata", {"sample", "30", (folder / "shop").string()}).code, 0);
  const Outcome told = run_program("pcdata", {"inspect", "-v", (folder / "shop").string()});
  std::istringstream lines(told.err);
  std::string line, last;
  double before = 0;
  for (; std::getline(lines, line); last = line) {
    double seconds = -1;
    ASSERT_EQ(std::sscanf(line.c_str(), "[%lf s] ", &seconds), 1) << line;
    EXPECT_GE(seconds, before);
    EXPECT_LT(seconds, 100);
    before = seconds;
  }
  double cpu = -1;
  int mebibytes = -1;
  ASSERT_EQ(std::sscanf(last.c_str(), "[%*f s] %lf s of CPU time, %d MiB of memory at most", &cpu, &mebibytes), 2)
      << last;
  EXPECT_GT(cpu, 0);
  EXPECT_GT(mebibytes, 1);
  EXPECT_LT(mebibytes, 4000);
  EXPECT_EQ(run_program("pcdata", {"-q", "-v", "inspect", "x"}).code, 2);
}

TEST(CommonOptions, ColorIsForcedOrForbidden) {
  const TemporaryFolder folder;
  ASSERT_EQ(run_program("pcdata", {"sample", "30", (folder / "shop").string()}).code, 0);
  const auto colored = [&](const char* when) {
    const Outcome shown = run_program("pcdata", {"inspect", "--color", when, (folder / "shop").string()});
    EXPECT_EQ(shown.code, 0) << shown.err;
    return shown.out.find("\033[") != std::string::npos;
  };
  EXPECT_TRUE(colored("always"));
  EXPECT_FALSE(colored("never"));
  EXPECT_FALSE(colored("auto")) << "no terminal";
  EXPECT_HAS(run_program("pcdata", {"inspect", "--color", "red", "x"}).err,
             "--color: red: requires one of auto, always, never");
}

}  // namespace
}  // namespace pc::test
