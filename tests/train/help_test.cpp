// The command line of every program: help that fits the terminal, and mistakes that are named in plain words.
#include <sstream>

#include "tests/support.h"
#include "tests/train/runs.h"

namespace pc::test {
namespace {

std::vector<std::vector<std::string>> programs() {
  return {{"pctrain"},          {"pcpredict"},         {"pceval"},         {"pcmerge"},         {"pcindex"},
          {"pcserve"},          {"pcconvert"},         {"pcdoctor"},       {"pcdata"},          {"pcdata", "fetch"},
          {"pcdata", "unpack"}, {"pcdata", "inspect"}, {"pcdata", "pack"}, {"pcdata", "sample"}};
}

Outcome call(std::vector<std::string> words, const std::vector<std::string>& more) {
  words.insert(words.end(), more.begin(), more.end());
  return run_program(words[0], {words.begin() + 1, words.end()});
}

TEST(Help, FitsTheTerminal) {
  for (const auto& words : programs())
    for (const auto& [columns, widest] : std::vector<std::pair<const char*, std::size_t>>{{"80", 80}, {"300", 100}}) {
      ::setenv("COLUMNS", columns, 1);
      const Outcome help = call(words, {"--help"});
      ::unsetenv("COLUMNS");
      EXPECT_EQ(help.code, 0);
      EXPECT_EQ(help.err, "");
      std::istringstream lines(help.out);
      for (std::string line; std::getline(lines, line);) {
        EXPECT_LE(line.size(), widest) << words[0] << ": " << line;
        EXPECT_FALSE(line.ends_with(' ')) << words[0] << ": " << line;
      }
      for (const char* part : {"\nUsage: ", "--help"}) EXPECT_NE(help.out.find(part), std::string::npos) << words[0];
      if (words.size() == 1) {
        EXPECT_NE(help.out.find("\nExample"), std::string::npos) << words[0];
      }
      EXPECT_EQ(help.out.find("\n\n\n"), std::string::npos) << words[0];
    }
}

TEST(Help, SaysWhatAnOptionTakes) {
  ::setenv("COLUMNS", "100", 1);
  const std::string help = run_program("pcpredict", {"--help"}).out;
  ::unsetenv("COLUMNS");
  EXPECT_NE(help.find("\nUsage: pcpredict [OPTIONS] [INPUT ...]\n"), std::string::npos) << help;
  EXPECT_NE(
      help.find("\n  -k, --top-k N             Labels per head, most probable first (1 to 1000000; default: 5)\n"),
      std::string::npos);
  EXPECT_NE(help.find("\n  --device NAME             Where the network runs (cpu, cuda; default: cpu)\n"),
            std::string::npos);
}

TEST(CommandLine, MistakesAreNamed) {
  struct Mistake {
    std::vector<std::string> words;
    const char* message;
  };
  for (const auto& [words, message] : std::vector<Mistake>{
           {{"pcpredict", "--topk", "3"}, "unknown option --topk; did you mean --top-k?"},
           {{"pcpredict", "--topk=3"}, "unknown option --topk; did you mean --top-k?"},
           {{"pcpredict", "--model-file", "x"}, "unknown option --model-file; did you mean --model?"},
           {{"pcpredict", "--frobnicate"}, "unknown option --frobnicate"},
           {{"pcpredict", "-k", "0", "x"}, "--top-k: 0: requires a whole number from 1 to 1000000"},
           {{"pcpredict", "-k", "1000001", "x"}, "--top-k: 1000001: requires a whole number from 1 to 1000000"},
           {{"pcpredict", "-k", "2.5", "x"}, "--top-k: 2.5: requires a whole number from 1 to 1000000"},
           {{"pcpredict", "x", "-k"}, "--top-k requires a value"},
           {{"pcpredict", "--device", "gpu", "x"}, "--device: gpu: requires one of cpu, cuda"},
           {{"pcpredict", "--csv", "--json", "x"}, "--csv cannot be used with --json"},
           {{"pcserve", "--port", "80000"}, "--port: 80000: requires a whole number from 0 to 65535"},
           {{"pcserve", "--max-delay-ms", "abc"}, "--max-delay-ms: abc: requires a number from 0 to 10000"},
           {{"pcmerge", "o", "a", "b", "--weights", "1,x"}, "--weights: 1,x: requires a number"},
           {{"pctrain", "a", "--resume"}, "unknown option --resume; the same command resumes a run that was stopped"},
           {{"pcserve", "-p", "8081"}, "unknown option -p; --port N is the port"},
           {{"pcserve", "a", "--model", "b"}, "--model cannot be used with MODEL"},
           {{"pctrain", "a", "b"}, "b: not expected here; usage: pctrain [OPTIONS] [PATH]"},
           {{"pctrain", "a", "--lr", "1", "--lr", "2"}, "--lr is given more than once"},
           {{"pcdata", "sample", "shop"},
            "shop: N requires a whole number from 1 to 1000000; usage: pcdata sample [OPTIONS] N [DIR]"},
           {{"pcdata", "sample"}, "N is required; usage: pcdata sample [OPTIONS] N [DIR]"},
           {{"pcmerge", "o", "a"}, "MODEL requires at least 2"},
           {{"pcdata"}, "requires a command: fetch, unpack, inspect, pack, sample"},
           {{"pcdata", "foo"}, "unknown command foo; one of fetch, unpack, inspect, pack, sample"},
           {{"pcdata", "inspect", "--htm", "x"}, "unknown option --htm; did you mean --html?"},
           {{"pcconvert", "a"}, "1 file given; usage: pcconvert IN OUT"},
           {{"pcconvert", "a", "b", "c"}, "3 files given; usage: pcconvert IN OUT"}}) {
    const Outcome outcome = call(words, {});
    EXPECT_EQ(outcome.code, 2) << outcome.err;
    EXPECT_EQ(outcome.err, words[0] + ": " + message + "; see --help\n");
    EXPECT_EQ(outcome.out, "");
  }
}

TEST(CommandLine, TheVersionHasAShortName) {
  const Outcome shortly = run_program("pctrain", {"-V"});
  EXPECT_EQ(shortly.code, 0);
  EXPECT_TRUE(shortly.out.starts_with("pctrain ")) << shortly.out;
  EXPECT_EQ(shortly.out, run_program("pctrain", {"--version"}).out);
}

}  // namespace
}  // namespace pc::test
