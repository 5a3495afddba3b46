#include "tools/train/tensorboard.h"

#include <fmt/format.h>

#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "kernels/base/error.h"
#include "kernels/base/file.h"
#include "tools/runs/events.h"

namespace pc {
namespace {

using nlohmann::json;

// CRC-32C (Castagnoli), least significant bit first.
uint32_t crc32c(const std::string& bytes) {
  static const auto table = [] {
    std::array<uint32_t, 256> t{};
    for (uint32_t i = 0; i < 256; ++i) {
      t[i] = i;
      for (int bit = 0; bit < 8; ++bit) t[i] = t[i] >> 1 ^ (t[i] & 1 ? 0x82f63b78u : 0);
    }
    return t;
  }();
  uint32_t crc = ~0u;
  for (const char c : bytes) crc = crc >> 8 ^ table[(crc ^ uint8_t(c)) & 0xff];
  return ~crc;
}

template <class T>
std::string little_endian(T value) {
  std::string bytes(sizeof value, '\0');
  for (std::size_t i = 0; i < sizeof value; ++i) bytes[i] = char(value >> 8 * i & 0xff);
  return bytes;
}

// TFRecord: length, its checksum, the bytes, their checksum. Checksums are masked, so that one of a checksum differs
// from it.
std::string record(const std::string& bytes) {
  const auto masked = [](const std::string& of) { return little_endian(std::rotr(crc32c(of), 15) + 0xa282ead8u); };
  const std::string length = little_endian(uint64_t(bytes.size()));
  return length + masked(length) + bytes + masked(bytes);
}

std::string varint(uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes += char((value & 0x7f) | 0x80);
  return bytes + char(value);
}

// Fields of a protocol buffer: number and kind in one key, then the value.
std::string text_field(int number, const std::string& text) {
  return varint(uint64_t(number) << 3 | 2) + varint(text.size()) + text;
}
std::string int_field(int number, int64_t value) { return varint(uint64_t(number) << 3) + varint(uint64_t(value)); }
std::string f64_field(int number, double value) {
  return varint(uint64_t(number) << 3 | 1) + little_endian(std::bit_cast<uint64_t>(value));
}
std::string f32_field(int number, float value) {
  return varint(uint64_t(number) << 3 | 5) + little_endian(std::bit_cast<uint32_t>(value));
}

// tensorflow.Event: wall_time = 1, step = 2, file_version = 3, summary = 5; tensorflow.Summary: value = 1, of tag = 1,
// simple_value = 2.
std::string first_record() { return record(f64_field(1, 0) + text_field(3, "brain.Event:2")); }

class Summary {
 public:
  void add(const std::string& tag, const std::optional<double>& value) {
    if (value) values_ += text_field(1, text_field(1, tag) + f32_field(2, float(*value)));
  }
  std::string event(double seconds, int64_t step) const {
    return record(f64_field(1, seconds) + int_field(2, step) + text_field(5, values_));
  }

 private:
  std::string values_;
};

void add_heads(Summary& summary, const json& event, const std::string& key, const std::string& part) {
  if (!event.contains(key) || !event[key].is_object()) return;
  for (const auto& [head, scores] : event[key].items())
    for (const char* figure : {"loss", "accuracy", "macro_f1"})
      summary.add(fmt::format("{}/{}/{}", figure, part, head), number_at(scores, {figure}));
}

std::string event_file(const std::vector<json>& events) {
  std::string text = first_record();
  double seconds = 0;
  for (const json& event : events) {
    Summary summary;
    if (event["event"] == "epoch") {
      seconds += number_at(event, {"seconds"}).value_or(0);
      add_heads(summary, event, "train", "train");
      add_heads(summary, event, "val", "val");
      for (const char* key : {"lr", "img_per_s"}) summary.add(key, number_at(event, {key}));
    } else if (event["event"] == "test") {
      add_heads(summary, event, "heads", "test");
    } else {
      continue;
    }
    text += summary.event(seconds, int64_t(number_at(event, {"epoch"}).value_or(0)));
  }
  return text;
}

}  // namespace

void write_tensorboard(const std::filesystem::path& run) {
  const auto path = run / "events.out.tfevents.pctrain";
  const std::string text = event_file(read_events(run / "metrics.jsonl"));
  const std::string there = std::filesystem::exists(path) ? read_file(path) : "";
  if (there.empty() || !text.starts_with(there)) return write_file_atomically(path, text);
  std::ofstream file(path, std::ios::binary | std::ios::app);
  file << text.substr(there.size()) << std::flush;
  if (!file) fail(Exit::file, fmt::format("cannot write {}: {}", path.string(), std::strerror(errno)));
}

}  // namespace pc
