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
    R"({"event":"step","epoch":1,"step":2,"lr":0.125,"trained_seconds":1,"train":{"Farbe ä":{"loss":3,"accuracy":0.5,"images":4,"labeled":2}}}
{"event":"epoch","epoch":1,"step":4,"lr":0.25,"seconds":2.5,"trained_seconds":2.5,"img_per_s":40,"train":{"Farbe ä":{"loss":2,"accuracy":0.75,"images":8,"labeled":8}},"val":{"Farbe ä":{"loss":0.5,"accuracy":null,"top5":1,"macro_f1":0.125,"n":3}}}
)";
constexpr const char* kSecond =
    R"({"event":"epoch","epoch":2,"step":8,"lr":0.5,"seconds":1.5,"trained_seconds":4,"train":{"Farbe ä":{"loss":1,"accuracy":0.25,"images":8,"labeled":8}}}
{"event":"test","epoch":2,"step":8,"seconds":4,"heads":{"Farbe ä":{"accuracy":0.75,"macro_f1":0.5}}}
)";

std::filesystem::path event_file(const TemporaryFolder& run, const std::string& part = "train") {
  return run / "tensorboard" / part / "events.out.tfevents.pctrain";
}

std::string written(const TemporaryFolder& run, const std::string& metrics) {
  write_file_atomically(run / "metrics.jsonl", metrics);
  train::write_tensorboard(run.path());
  return read_file(event_file(run));
}

std::vector<json> decoded(const TemporaryFolder& run, const std::string& part) {
  const std::string command = fmt::format("/usr/bin/python3 {}/tests/report/read_tfevents.py {} > {} 2>&1",
                                          PC_SOURCE_DIR, event_file(run, part).string(), (run / "decoded").string());
  EXPECT_EQ(std::system(command.c_str()), 0) << read_file(run / "decoded");
  std::istringstream lines(read_file(run / "decoded"));
  std::vector<json> events;
  for (std::string line; std::getline(lines, line);) events.push_back(json::parse(line));
  return events;
}

// The means since the event before: 2 * 8 - 3 * 4 over 4 images, and 0.75 * 8 - 0.5 * 2 over 6 labels.
TEST(TensorBoard, HoldsTheScalarsOfEveryEvent) {
  const TemporaryFolder run;
  written(run, std::string(kStart) + kFirst + kSecond);
  const json head = json::parse(R"({"time": 0.0, "version": "brain.Event:2", "scalars": {}})");
  const auto train = decoded(run, "train"), val = decoded(run, "val"), test = decoded(run, "test");
  ASSERT_EQ(train.size(), 4u);
  EXPECT_EQ(train[0], head);
  EXPECT_EQ(train[1], json::parse(R"({"time": 1.0, "step": 2, "scalars": {"lr": 0.125, "loss/Farbe ä": 3.0,
                                      "accuracy/Farbe ä": 0.5}})"));
  EXPECT_EQ(train[2].at("time"), 2.5);
  EXPECT_EQ(train[2].at("step"), 4);
  const json& scalars = train[2].at("scalars");
  EXPECT_EQ(scalars.size(), 4u);
  EXPECT_EQ(scalars.at("lr"), 0.25);
  EXPECT_EQ(scalars.at("img_per_s"), 40);
  EXPECT_EQ(scalars.at("loss/Farbe ä"), 1);
  EXPECT_NEAR(scalars.at("accuracy/Farbe ä").get<double>(), 5.0 / 6, 1e-6);
  EXPECT_EQ(train[3], json::parse(R"({"time": 4.0, "step": 8, "scalars": {"lr": 0.5, "loss/Farbe ä": 1.0,
                                      "accuracy/Farbe ä": 0.25}})"))
      << "an epoch begins at 0";
  const json shown = json::parse(R"({"time": 2.5, "step": 4, "scalars": {"loss/Farbe ä": 0.5, "top5/Farbe ä": 1.0,
                                     "macro_f1/Farbe ä": 0.125}})");
  EXPECT_EQ(val, (std::vector<json>{head, shown})) << "what is null is absent";
  EXPECT_EQ(test, (std::vector<json>{head, json::parse(R"({"time": 4.0, "step": 8, "scalars":
                                           {"accuracy/Farbe ä": 0.75, "macro_f1/Farbe ä": 0.5}})")}));
}

TEST(TensorBoard, APartWithoutScalarsHasNoFile) {
  const TemporaryFolder run;
  written(run, std::string(kStart) + kSecond);
  EXPECT_FALSE(std::filesystem::exists(event_file(run, "val")));
  EXPECT_TRUE(std::filesystem::exists(event_file(run, "test")));
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
