// PGM and PPM in their binary forms: three numbers as text, then the samples, one byte each or two.
#include "data/pnm.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <string_view>
#include <utility>

#include "kernels/base/error.h"

namespace pc::data::detail {
namespace {

// The numbers of the header, with white space and comments between them.
class Header {
 public:
  Header(std::string_view text, std::string name) : text_(text), name_(std::move(name)) {}

  int64_t number() {
    while (at_ < text_.size() && (is_space(text_[at_]) || text_[at_] == '#'))
      at_ = text_[at_] == '#' ? std::min(text_.find('\n', at_), text_.size()) : at_ + 1;
    int64_t value = 0;
    const std::size_t first = at_;
    for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_)
      if (value <= 1'000'000'000) value = 10 * value + (text_[at_] - '0');  // above, every limit is passed already
    if (at_ == first) fail(Exit::data, name_ + ": broken PNM (a number is missing in its header)");
    return value;
  }
  // After the one white space that ends the header.
  std::string_view samples() const { return text_.substr(std::min(at_ + 1, text_.size())); }

 private:
  static bool is_space(char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; }
  std::string_view text_;
  std::string name_;
  std::size_t at_ = 2;  // after "P5" or "P6"
};

}  // namespace

PlainHeader pnm_header(std::span<const std::byte> bytes) try {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  Header header(text, "");
  const int64_t w = header.number(), h = header.number();
  constexpr int64_t kLimit = 1'000'000'000;
  if (w > kLimit || h > kLimit) return {};
  return {.h = int(h), .w = int(w), .channels = text[1] == '6' ? 3 : 1};
} catch (const Error&) {
  return {};
}

Raster decode_pnm(std::span<const std::byte> bytes, const std::string& name, const DecodeSettings& settings) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  Header header(text, name);
  const int64_t w = header.number(), h = header.number(), most = header.number();
  if (most < 1 || most > 65535) fail(Exit::data, fmt::format("{}: broken PNM (largest value {})", name, most));
  check_pixels(name, w, h, settings);
  const std::size_t channels = text[1] == '6' ? 3 : 1, sample_bytes = most > 255 ? 2 : 1;
  const std::string_view samples = header.samples();
  const std::size_t pixels = std::size_t(w) * std::size_t(h);
  if (samples.size() < pixels * channels * sample_bytes)
    fail(Exit::data, name + ": PNM is truncated; copy or download it again");

  Raster image{.h = int(h), .w = int(w), .channels = 3, .pixels = std::vector<uint8_t>(3 * pixels)};
  for (std::size_t i = 0; i < image.pixels.size(); ++i) {
    const std::size_t at = sample_bytes * (channels == 3 ? i : i / 3);
    const int64_t value =
        sample_bytes == 2 ? uint8_t(samples[at]) << 8 | uint8_t(samples[at + 1]) : uint8_t(samples[at]);
    image.pixels[i] = uint8_t((std::min(value, most) * 255 + most / 2) / most);
  }
  return image;
}

}  // namespace pc::data::detail
