#include "tools/train/tensorboard.h"

#include <fmt/format.h>

#include <bit>
#include <map>
#include <nlohmann/json.hpp>

#include "kernels/base/bytes.h"
#include "kernels/base/crc32c.h"
#include "kernels/base/directory.h"
#include "kernels/base/file.h"
#include "tools/runs/events.h"
#include "tools/weights/protobuf.h"

namespace pc::train {
namespace {

using nlohmann::json;

// TFRecord: length, its checksum, the bytes, their checksum. Checksums are masked, so that one of a checksum differs
// from it.
std::string record(const weights::ProtobufMessage& message) {
  const std::string bytes = message.serialized();
  const auto masked = [](const std::string& of) { return little_endian(std::rotr(crc32c(of), 15) + 0xa282ead8u); };
  const std::string length = little_endian(uint64_t(bytes.size()));
  return length + masked(length) + bytes + masked(bytes);
}

// tensorflow.Event: wall_time = 1, step = 2, file_version = 3, summary = 5; tensorflow.Summary: value = 1, of tag = 1,
// simple_value = 2.
std::string first_record() { return record(weights::ProtobufMessage().f64(1, 0).text(3, "brain.Event:2")); }

// One event file: what it holds of each event is the records of its part.
class EventFile {
 public:
  void add(const std::string& tag, const std::optional<double>& value) {
    if (value) summary_.message(1, weights::ProtobufMessage().text(1, tag).f32(2, float(*value)));
    any_ = any_ || value;
  }
  void add_heads(const json& scores) {
    if (!scores.is_object()) return;
    for (const auto& [head, figures] : scores.items())
      for (const char* figure : {"loss", "accuracy", "top5", "macro_f1"})
        add(fmt::format("{}/{}", figure, head), runs::number_at(figures, {figure}));
  }
  void end_event(const json& event) {
    const auto trained = runs::number_at(event, {event["event"] == "test" ? "seconds" : "trained_seconds"});
    const auto step = int64_t(runs::number_at(event, {"step"}).value_or(0));
    if (any_)
      text_ += record(weights::ProtobufMessage().f64(1, trained.value_or(0)).number(2, step).message(5, summary_));
    summary_ = {};
    any_ = false;
  }
  // Brings the file up to these events; nothing if there were none.
  void write(const std::filesystem::path& folder) const;

 private:
  std::string text_ = first_record();
  weights::ProtobufMessage summary_;
  bool any_ = false;
};

void EventFile::write(const std::filesystem::path& folder) const {
  if (text_ == first_record()) return;
  make_folders(folder);
  const auto path = folder / "events.out.tfevents.pctrain";
  const std::string there = path_exists(path) ? read_file(path) : "";
  if (there.empty() || !text_.starts_with(there)) return write_file_atomically(path, text_);
  append_to_file(path, std::string_view(text_).substr(there.size()));
  sync(open_regular(path), path);
}

// Training's loss and accuracy since the event before: those of the log are means over the epoch so far.
class SinceTheLastEvent {
 public:
  json means(const json& event) {
    json means = json::object();
    const json scores = event.value("train", json::object());
    for (const auto& [head, figures] : scores.items()) {
      mean(event, head, figures, "loss", "images", means);
      mean(event, head, figures, "accuracy", "labeled", means);
    }
    return means;
  }

 private:
  struct Sum {
    double sum = 0, count = 0, epoch = 0;
  };
  void mean(const json& event, const std::string& head, const json& figures, const char* figure, const char* count,
            json& means) {
    const auto value = runs::number_at(figures, {figure}), n = runs::number_at(figures, {count});
    if (!value || !n) return;
    const double epoch = runs::number_at(event, {"epoch"}).value_or(0);
    Sum& before = sums_[head + figure];
    if (before.epoch != epoch) before = {.epoch = epoch};
    if (*n > before.count) means[head][figure] = (*value * *n - before.sum) / (*n - before.count);
    before = {.sum = *value * *n, .count = *n, .epoch = epoch};
  }
  std::map<std::string, Sum> sums_;
};

}  // namespace

void write_tensorboard(const std::filesystem::path& run) {
  EventFile train, val, test;
  SinceTheLastEvent since;
  for (const json& event : runs::read_events(run / "metrics.jsonl")) {
    const bool epoch = event["event"] == "epoch";
    if (epoch || event["event"] == "step") {
      train.add_heads(since.means(event));
      for (const char* key : {"lr", "img_per_s"}) train.add(key, runs::number_at(event, {key}));
      train.end_event(event);
    }
    if (epoch) val.add_heads(event.value("val", json()));
    val.end_event(event);
    if (event["event"] == "test") test.add_heads(event.value("heads", json()));
    test.end_event(event);
  }
  const auto folder = run / "tensorboard";
  train.write(folder / "train");
  val.write(folder / "val");
  test.write(folder / "test");
}

}  // namespace pc::train
