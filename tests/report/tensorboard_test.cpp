// The event file: read by a decoder of its own, grown in place, replaced where it says something else.
#include "tools/train/tensorboard.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <nlohmann/json.hpp>
#include <sstream>

#include "kernels/base/file.h"
#include "tests/support.h"

namespace pc::test {
namespace {

using nlohmann::json;

constexpr const char* kStart = "{\"event\":\"start\",\"train\":8}\n";
constexpr const char* kFirst =
    "{\"event\":\"epoch\",\"epoch\":1,\"lr\":0.25,\"seconds\":2.5,\"img_per_s\":40,\"train\":{\"Farbe "
    "ä\":{\"loss\":2,\"accuracy\":0.5}},"
    "\"val\":{\"Farbe ä\":{\"accuracy\":null,\"macro_f1\":0.125,\"n\":3}}}\n";
constexpr const char* kSecond =
    "{\"event\":\"epoch\",\"epoch\":2,\"lr\":0.5,\"seconds\":1.5,\"train\":{}}\n"
    "{\"event\":\"test\",\"epoch\":2,\"heads\":{\"Farbe ä\":{\"accuracy\":0.75,\"macro_f1\":0.5}}}\n";

std::filesystem::path event_file(const TemporaryFolder& run) { return run / "events.out.tfevents.pctrain"; }

std::string written(const TemporaryFolder& run, const std::string& metrics) {
  write_file_atomically(run / "metrics.jsonl", metrics);
  train::write_tensorboard(run.path());
  return read_file(event_file(run));
}

std::vector<json> decoded(const TemporaryFolder& run) {
  const std::string command = fmt::format("/usr/bin/python3 {}/tests/report/read_tfevents.py {} > {} 2>&1",
                                          PC_SOURCE_DIR, event_file(run).string(), (run / "decoded").string());
  EXPECT_EQ(std::system(command.c_str()), 0) << read_file(run / "decoded");
  std::istringstream lines(read_file(run / "decoded"));
  std::vector<json> events;
  for (std::string line; std::getline(lines, line);) events.push_back(json::parse(line));
  return events;
}

TEST(TensorBoard, HoldsTheScalarsOfEveryEpoch) {
  const TemporaryFolder run;
  written(run, std::string(kStart) + kFirst + kSecond);
  const auto events = decoded(run);
  ASSERT_EQ(events.size(), 4u);
  EXPECT_EQ(events[0], json::parse(R"({"time": 0.0, "version": "brain.Event:2", "scalars": {}})"));
  EXPECT_EQ(
      events[1],
      json::parse(R"({"time": 2.5, "step": 1, "scalars": {"lr": 0.25, "img_per_s": 40.0, "loss/train/Farbe ä": 2.0,
                                       "accuracy/train/Farbe ä": 0.5, "macro_f1/val/Farbe ä": 0.125}})"))
      << "what is null is absent";
  EXPECT_EQ(events[2], json::parse(R"({"time": 4.0, "step": 2, "scalars": {"lr": 0.5}})"));
  EXPECT_EQ(
      events[3],
      json::parse(
          R"({"time": 4.0, "step": 2, "scalars": {"accuracy/test/Farbe ä": 0.75, "macro_f1/test/Farbe ä": 0.5}})"));
}

TEST(TensorBoard, GrowsInPlace) {
  const TemporaryFolder run;
  const std::string first = written(run, std::string(kStart) + kFirst);
  std::filesystem::create_hard_link(event_file(run), run / "same file");
  const std::string both = written(run, std::string(kStart) + kFirst + kSecond);
  EXPECT_GT(both.size(), first.size());
  EXPECT_TRUE(both.starts_with(first));
  EXPECT_EQ(read_file(run / "same file"), both) << "a reader that has it open sees the rest";
  EXPECT_EQ(written(run, std::string(kStart) + kFirst + kSecond), both);
}

TEST(TensorBoard, HealsWhatAKilledRunLeft) {
  const TemporaryFolder run;
  const std::string both = written(run, std::string(kStart) + kFirst + kSecond);
  std::filesystem::resize_file(event_file(run), both.size() - 7);  // killed while it appended
  EXPECT_EQ(written(run, std::string(kStart) + kFirst + kSecond), both);
  const std::string first = written(run, std::string(kStart) + kFirst);  // metrics.jsonl cut back to a checkpoint
  EXPECT_TRUE(both.starts_with(first));
  EXPECT_LT(first.size(), both.size());
}

TEST(TensorBoard, NamesTheBrokenLine) {
  const TemporaryFolder run;
  EXPECT_HAS(refusal([&] { written(run, std::string(kStart) + "{\"event\": 3}\n"); }), "metrics.jsonl:2: ");
}

}  // namespace
}  // namespace pc::test
