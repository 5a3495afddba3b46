#include "tools/serve/infer_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>
#include <span>

#include "kernels/base/base64.h"
#include "kernels/base/error.h"

namespace pc::serve {
namespace {

constexpr std::size_t kMaxDepth = 12, kMaxNames = 64, kMaxText = 1024, kMaxRank = 8;

// What is read before the shape is known to fit.
struct RawInput {
  std::string name, datatype;
  std::vector<int64_t> shape;
  std::vector<uint8_t> pixels;
  std::vector<std::string> texts;
  std::optional<uint64_t> binary_size;
};

// The values as they come, told apart by their path: "inputs[].shape[]". No tree is built, so that a number costs one
// byte and not the sixteen of a JSON value.
class Reader : public nlohmann::json_sax<nlohmann::json> {
 public:
  InferRequest request;
  RawInput input;
  std::size_t inputs = 0;

  bool null() override { return other("null"); }
  bool boolean(bool value) override {
    if (place_ == "parameters.binary_data_output")
      request.binary_outputs = value;
    else if (place_ == "outputs[].parameters.binary_data")
      request.outputs.back().binary = value;
    else
      return other("a truth value");
    return true;
  }
  // JSON has one kind of number: 3.0 is 3.
  bool number_float(number_float_t value, const string_t&) override {
    const bool whole = value >= 0 && value <= number_float_t(INT32_MAX) && value == std::floor(value);
    return whole ? number_unsigned(uint64_t(value)) : other("a fraction");
  }
  bool binary(binary_t&) override { return other("bytes"); }
  bool number_integer(number_integer_t) override { return other("a negative number"); }
  bool number_unsigned(number_unsigned_t value) override {
    if (in_data_) return pixel(value);
    if (place_ == "inputs[].parameters.binary_data_size") {
      input.binary_size = value;
    } else if (place_ == "inputs[].shape[]") {
      if (input.shape.size() == kMaxRank) fail(Exit::data, "inputs[].shape: too many dimensions");
      input.shape.push_back(int64_t(std::min<uint64_t>(value, INT32_MAX)));
    } else {
      return other("a number");
    }
    return true;
  }
  bool string(string_t& value) override {
    if (in_data_) {
      input.texts.push_back(std::move(value));
      return true;
    }
    if (value.size() > kMaxText) fail(Exit::data, place_ + ": the text is too long");
    if (place_ == "id") {
      request.id = std::move(value);
    } else if (place_ == "inputs[].name") {
      input.name = std::move(value);
    } else if (place_ == "inputs[].datatype") {
      input.datatype = std::move(value);
    } else if (place_ == "outputs[].name") {
      request.outputs.back().name = std::move(value);
    } else {
      return other("a text");
    }
    return true;
  }
  // No key can pretend to be a longer path.
  bool key(string_t& name) override {
    place_.resize(keys_.back());
    if (!place_.empty()) place_ += '.';
    const auto odd = [](unsigned char c) { return c < 0x20 || c == '.' || c == '[' || c == ']'; };
    if (name.empty() || name.size() > kMaxText || std::any_of(name.begin(), name.end(), odd)) name = "?";
    place_ += name;
    return true;
  }
  bool start_object(std::size_t) override {
    if (in_data_) fail(Exit::data, "inputs[].data: an object among the values");
    if (place_ == "inputs[]") {
      if (++inputs > 1) fail(Exit::data, "inputs: one is wanted, \"image\" or \"file\"");
    } else if (place_ == "outputs[]") {
      if (request.outputs.size() == kMaxNames) fail(Exit::data, "outputs: too many names");
      request.outputs.emplace_back();
    } else if (!keys_.empty() && parameter() != "") {
      other("an object");
    }
    deeper();
    return true;
  }
  bool end_object() override { return shallower(); }
  bool start_array(std::size_t) override {
    const bool known = place_ == "inputs" || place_ == "outputs" || place_ == "inputs[].shape" ||
                       place_ == "inputs[].data" || in_data_;
    if (!known) other("an array");
    deeper();
    place_ += "[]";
    in_data_ = in_data_ || place_ == "inputs[].data[]";
    return true;
  }
  bool end_array() override {
    shallower();
    in_data_ = in_data_ && place_.starts_with("inputs[].data[]");
    return true;
  }
  bool parse_error(std::size_t at, const std::string&, const nlohmann::detail::exception&) override {
    fail(Exit::data, fmt::format("byte {}: not JSON", at));
  }

 private:
  bool pixel(uint64_t value) {
    if (value > 255) fail(Exit::data, "inputs[].data: a value above 255");
    input.pixels.push_back(uint8_t(value));
    return true;
  }
  // The name of the parameter that this place is, or is in; "" for the object "parameters" itself.
  std::optional<std::string_view> parameter() const {
    for (const std::string_view object : {"parameters", "inputs[].parameters", "outputs[].parameters"}) {
      if (!place_.starts_with(object)) continue;
      const std::string_view rest = std::string_view(place_).substr(object.size());
      if (rest.empty()) return rest;
      if (rest.front() == '.') return rest.substr(1, rest.find_first_of(".[", 1) - 1);
    }
    return std::nullopt;
  }
  // A value that nothing is known about.
  bool other(const char* what) {
    constexpr std::array kOurs{"binary_data", "binary_data_output", "binary_data_size"};
    constexpr std::array kNotHere{"classification", "shared_memory_region"};
    const std::string_view name = parameter().value_or("");
    if (std::count(kNotHere.begin(), kNotHere.end(), name)) fail(Exit::data, place_ + ": not supported by this server");
    if (!name.empty() && !std::count(kOurs.begin(), kOurs.end(), name)) return true;
    fail(Exit::data,
         place_.empty() ? "the body is not a JSON object" : fmt::format("{}: {} is not taken", place_, what));
  }
  void deeper() {
    if (keys_.size() == kMaxDepth) fail(Exit::data, "the JSON is nested too deeply");
    keys_.push_back(place_.size());
  }
  bool shallower() {
    place_.resize(keys_.back());
    keys_.pop_back();
    return true;
  }
  std::string place_;
  std::vector<std::size_t> keys_;  // length of place_ outside of each object and array
  bool in_data_ = false;
};

std::vector<std::byte> file_of(const std::string& text) {
  if (text.size() % 4 != 0) fail(Exit::data, "inputs[].data: base64 comes in groups of four letters");
  auto bytes = from_base64(text);
  if (!bytes) fail(Exit::data, "inputs[].data: not base64");
  return std::move(*bytes);
}

std::string shape_text(const std::vector<int64_t>& shape) { return nlohmann::json(shape).dump(); }

void check_count(int64_t count, std::size_t most) {
  if (count < 1) fail(Exit::data, "inputs[].shape: no image");
  if (uint64_t(count) > most)
    fail(Exit::limit, fmt::format("inputs[].shape: {} images, at most {} go at once", count, most));
}

// The bytes behind the JSON are those of the one input, all of them.
void check_binary(const RawInput& input, std::string_view binary) {
  const uint64_t size = input.binary_size.value_or(0);
  if (size != binary.size())
    fail(Exit::data,
         fmt::format("inputs[].parameters.binary_data_size: {}, but {} bytes follow the JSON", size, binary.size()));
  if (input.binary_size && !(input.pixels.empty() && input.texts.empty()))
    fail(Exit::data, "inputs[]: both data and binary_data_size");
}

void take_images(const RawInput& input, std::size_t most, std::string_view binary, InferRequest& request) {
  const std::vector<int64_t>& s = input.shape;
  if (s.size() != 4 || s[3] != 3 || s[1] < 1 || s[2] < 1)
    fail(Exit::data, fmt::format("inputs[].shape: {}, expected [n,h,w,3]", shape_text(s)));
  check_count(s[0], most);
  int64_t size = 1;
  for (const int64_t side : s)
    if (__builtin_mul_overflow(size, side, &size)) size = -1;
  const auto pixels = input.binary_size ? std::span(reinterpret_cast<const uint8_t*>(binary.data()), binary.size())
                                        : std::span<const uint8_t>(input.pixels);
  if (size < 0 || uint64_t(size) != pixels.size() || !input.texts.empty())
    fail(Exit::data, fmt::format("inputs[].data: {} numbers do not fill the shape {}", pixels.size(), shape_text(s)));
  const std::size_t one = pixels.size() / std::size_t(s[0]);
  for (std::size_t i = 0; i < std::size_t(s[0]); ++i) {
    const auto image = pixels.subspan(i * one, one);
    request.images.push_back({.h = int(s[1]), .w = int(s[2]), .pixels = {image.begin(), image.end()}});
  }
}

// `count` files, each after its length.
std::vector<std::vector<std::byte>> files_of(std::string_view binary, std::size_t count) {
  std::vector<std::vector<std::byte>> files;
  for (uint32_t size = 0; files.size() < count; binary.remove_prefix(size)) {
    if (binary.size() < sizeof size) fail(Exit::data, "inputs[]: the binary data end before their last file");
    std::memcpy(&size, binary.data(), sizeof size);
    binary.remove_prefix(sizeof size);
    if (binary.size() < size) fail(Exit::data, "inputs[]: a file of the binary data is longer than they are");
    const auto bytes = std::as_bytes(std::span(binary.data(), size));
    files.emplace_back(bytes.begin(), bytes.end());
  }
  if (!binary.empty()) fail(Exit::data, "inputs[]: binary data after the last file that the shape has");
  return files;
}

void take_files(const RawInput& input, std::size_t most, std::string_view binary, InferRequest& request) {
  if (input.shape.size() != 1 || !input.pixels.empty() ||
      (!input.binary_size && uint64_t(input.shape[0]) != input.texts.size()))
    fail(Exit::data, fmt::format("inputs[].data: {} texts do not fill the shape {}, expected [n]", input.texts.size(),
                                 shape_text(input.shape)));
  check_count(input.shape[0], most);
  if (input.binary_size) request.files = files_of(binary, std::size_t(input.shape[0]));
  for (const std::string& text : input.texts) request.files.push_back(file_of(text));
}

}  // namespace

InferRequest parse_infer_request(std::string_view json, std::size_t most, std::string_view binary) {
  Reader reader;
  nlohmann::json::sax_parse(json, &reader);
  if (reader.inputs != 1) fail(Exit::data, "inputs: one is wanted, \"image\" or \"file\"");
  for (const RequestedOutput& output : reader.request.outputs)
    if (output.name.empty()) fail(Exit::data, "outputs[]: one without a name");
  const RawInput& input = reader.input;
  check_binary(input, binary);
  if (input.name == "image" && input.datatype == "UINT8")
    take_images(input, most, binary, reader.request);
  else if (input.name == "file" && input.datatype == "BYTES")
    take_files(input, most, binary, reader.request);
  else
    fail(Exit::data, "inputs[]: wanted is \"image\" of UINT8 or \"file\" of BYTES");
  return std::move(reader.request);
}

}  // namespace pc::serve
