#include "tools/train/tensorboard.h"

#include <fmt/format.h>

#include <bit>
#include <nlohmann/json.hpp>

#include "kernels/base/bytes.h"
#include "kernels/base/crc32c.h"
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

class Summary {
 public:
  void add(const std::string& tag, const std::optional<double>& value) {
    if (value) values_.message(1, weights::ProtobufMessage().text(1, tag).f32(2, float(*value)));
  }
  std::string event(double seconds, int64_t step) const {
    return record(weights::ProtobufMessage().f64(1, seconds).number(2, step).message(5, values_));
  }

 private:
  weights::ProtobufMessage values_;
};

void add_heads(Summary& summary, const json& event, const std::string& key, const std::string& part) {
  if (!event.contains(key) || !event[key].is_object()) return;
  for (const auto& [head, scores] : event[key].items())
    for (const char* figure : {"loss", "accuracy", "top5", "macro_f1"})
      summary.add(fmt::format("{}/{}/{}", figure, part, head), runs::number_at(scores, {figure}));
}

std::string event_file(const std::vector<json>& events) {
  std::string text = first_record();
  double seconds = 0;
  for (const json& event : events) {
    Summary summary;
    if (event["event"] == "epoch") {
      seconds += runs::number_at(event, {"seconds"}).value_or(0);
      add_heads(summary, event, "train", "train");
      add_heads(summary, event, "val", "val");
      for (const char* key : {"lr", "img_per_s"}) summary.add(key, runs::number_at(event, {key}));
    } else if (event["event"] == "test") {
      add_heads(summary, event, "heads", "test");
    } else {
      continue;
    }
    text += summary.event(seconds, int64_t(runs::number_at(event, {"epoch"}).value_or(0)));
  }
  return text;
}

}  // namespace

void write_tensorboard(const std::filesystem::path& run) {
  const auto path = run / "events.out.tfevents.pctrain";
  const std::string text = event_file(runs::read_events(run / "metrics.jsonl"));
  const std::string there = path_exists(path) ? read_file(path) : "";
  if (there.empty() || !text.starts_with(there)) return write_file_atomically(path, text);
  append_to_file(path, std::string_view(text).substr(there.size()));
  sync(open_regular(path), path);
}

}  // namespace pc::train
