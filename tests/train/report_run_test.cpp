// What a run leaves for people to look at, from hostile class names to the command that writes it anew; and the
// learning-rate finder.
#include "kernels/base/file.h"
#include "tests/support.h"
#include "tests/train/runs.h"

namespace pc::test {
namespace {

constexpr const char* kHostile = "<script>alert(1)<b>&\"'";

class ReportRun : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TemporaryFolder;
    make_colors(*folder_ / "colours", 20);
    std::filesystem::rename(*folder_ / "colours" / "blue", *folder_ / "colours" / kHostile);
    std::filesystem::rename(*folder_ / "colours" / "red", *folder_ / "colours" / "Schuhe, 靴 👟");
    trained_ = new Outcome(pctrain({}));
  }
  static void TearDownTestSuite() {
    delete folder_;
    delete trained_;
  }
  static Outcome pctrain(const std::vector<std::string>& more, const std::string& name = "run") {
    std::vector<std::string> arguments = train_arguments(folder_->path(), *folder_ / "colours", name);
    for (const char* always : {"--set", "model.architecture=smallcnn"}) arguments.push_back(always);
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_program("pctrain", arguments);
  }
  static std::filesystem::path run(const std::string& file) { return *folder_ / "runs" / "run" / file; }

  static inline TemporaryFolder* folder_;
  static inline Outcome* trained_;
};

TEST_F(ReportRun, PageNeedsNothingButItselfAndEscapesNames) {
  ASSERT_EQ(trained_->code, 0) << trained_->err;
  const std::string page = read_file(run("report.html"));
  EXPECT_LT(page.size(), 1'000'000u);
  for (const char* never : {"<script>alert", "http:", "https:", " src=", "@import", "onerror"})
    EXPECT_LACKS(page, never) << never;
  for (std::size_t at = page.find("url("); at != std::string::npos; at = page.find("url(", at + 1))
    EXPECT_EQ(page.substr(at, 9), "url(data:");
  for (const char* part :
       {"&#60;script&#62;alert(1)&#60;b&#62;&#38;&#34;&#39;", "Schuhe, 靴 👟", "id=\"results\"", "id=\"curves\"",
        "id=\"head0\"", "class=\"matrix\"", "Highest losses", "Reliability", "Coverage", "class=\"sort\"",
        "id=\"looking\"", ".cam0-0{", "id=\"card\"", "id=\"reproduce\"", "smallcnn", "output.name=run-again"})
    EXPECT_HAS(page, part) << part;
}

TEST_F(ReportRun, IsWrittenAnewWithoutTraining) {
  const std::string page = read_file(run("report.html")), log = read_file(run("metrics.jsonl")),
                    events = read_file(run("tensorboard/train/events.out.tfevents.pctrain"));
  std::filesystem::remove(run("report.html"));
  const Outcome again = pctrain({"--report"});
  EXPECT_EQ(again.code, 0) << again.err;
  EXPECT_TRUE(read_file(run("report.html")) == page);
  EXPECT_EQ(read_file(run("metrics.jsonl")), log);
  EXPECT_TRUE(read_file(run("tensorboard/train/events.out.tfevents.pctrain")) == events);
  const Outcome absent = pctrain({"--report"}, "nothing");
  EXPECT_TRUE(ended(absent, 2, "train it first"));
  EXPECT_FALSE(std::filesystem::exists(*folder_ / "runs" / "nothing"));
}

TEST_F(ReportRun, IsRefusedWhereTheSplitIsAnother) {
  const std::string split = read_file(run("split.csv"));
  std::string other = split;
  other.replace(other.find(",test"), 5, ",train");
  write_file_atomically(run("split.csv"), other);
  const Outcome outcome = pctrain({"--report"});
  write_file_atomically(run("split.csv"), split);
  EXPECT_TRUE(ended(outcome, 3, "split.csv: the images are no longer divided as it says"));
}

TEST_F(ReportRun, ShowsShiftsAndNamesABrokenFile) {
  write_file_atomically(
      run("shift.json"),
      R"({"data": "<i>", "models": [{"model": "m", "head": "label"}], "rows": [{"row": "blur", "strength": "2",
                            "cells": [{"n": 9, "accuracy": 0.5, "low": 0.25, "high": 0.75, "drop": 0.125}]}, {"row": "photos", "strength": "", "cells": [null]}]})");
  EXPECT_EQ(pctrain({"--report"}).code, 0);
  const std::string page = read_file(run("report.html"));
  EXPECT_HAS(page, "25.0 … 75.0");
  EXPECT_HAS(page, "<td>-12.5");
  EXPECT_HAS(page, "&#60;i&#62;");
  write_file_atomically(run("shift.json"), "{\"rows\": 3}");
  const Outcome broken = pctrain({"--report"});
  std::filesystem::remove(run("shift.json"));
  EXPECT_TRUE(ended(broken, 3, "shift.json: not what pceval"));
  EXPECT_TRUE(read_file(run("report.html")) == page) << "the older page stays";
}

TEST_F(ReportRun, WithoutTestPictures) {
  const Outcome outcome = pctrain({"--set", "data.test=0", "--set", "train.epochs=1"}, "untested");
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  const std::string page = read_file(*folder_ / "runs" / "untested" / "report.html");
  EXPECT_HAS(page, "No test image has this label");
  EXPECT_LACKS(page, "nan");
}

TEST_F(ReportRun, LrFindLeavesTheRunAlone) {
  const std::string before = read_file(run("last/checkpoint.safetensors"));
  const Outcome found = pctrain({"--lr-find"});
  EXPECT_EQ(found.code, 0) << found.err;
  EXPECT_TRUE(read_file(run("lr_find.csv")).starts_with("lr,loss,smoothed\n"));
  EXPECT_HAS(read_file(run("lr_find.svg")), "falls fastest");
  EXPECT_TRUE(read_file(run("last/checkpoint.safetensors")) == before);
}

TEST_F(ReportRun, ACheckpointOfAnotherVersionIsNamed) {
  const std::string path = run("last/checkpoint.safetensors"), before = read_file(path);
  std::string other = before;
  other.replace(other.find("pc.scaler"), 9, "pc.scales");
  write_file_atomically(path, other);
  const Outcome outcome = pctrain({"--set", "train.epochs=9"});
  write_file_atomically(path, before);
  EXPECT_TRUE(ended(outcome, 3, "has no pc.scaler: another version of pctrain wrote it"));
}

}  // namespace
}  // namespace pc::test
