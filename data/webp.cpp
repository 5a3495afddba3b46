// WebP through libwebp: lossy and lossless; animations are refused.
#include "data/webp.h"

#include <webp/decode.h>

#include <new>

#include "kernels/base/error.h"

namespace pc::data::detail {
namespace {

// The RIFF header says how long the file is.
bool is_whole(std::span<const std::byte> bytes) {
  std::size_t size = 0;
  for (std::size_t i = 4; i < 8; ++i) size |= std::to_integer<std::size_t>(bytes[i]) << (8 * (i - 4));
  return bytes.size() >= size + 8;
}

[[noreturn]] void fail_webp(const std::string& name, std::span<const std::byte> bytes, VP8StatusCode status) {
  switch (status) {
    case VP8_STATUS_NOT_ENOUGH_DATA:
    case VP8_STATUS_SUSPENDED:
      fail(Exit::data, name + (is_whole(bytes) ? ": WebP is damaged (its data end too early); copy or download it again"
                                               : ": WebP is truncated; copy or download it again"));
    case VP8_STATUS_OUT_OF_MEMORY:
      throw std::bad_alloc();
    case VP8_STATUS_UNSUPPORTED_FEATURE:
      fail(Exit::data, name + ": WebP uses a feature that the decoder lacks");
    default:
      fail(Exit::data, name + ": broken WebP");
  }
}

}  // namespace

Raster decode_webp(std::span<const std::byte> bytes, const std::string& name, const DecodeSettings& settings) {
  const auto* data = reinterpret_cast<const uint8_t*>(bytes.data());
  WebPDecoderConfig config;
  if (!WebPInitDecoderConfig(&config)) fail(Exit::limit, name + ": the WebP decoder is of another version");
  if (const VP8StatusCode status = WebPGetFeatures(data, bytes.size(), &config.input); status != VP8_STATUS_OK)
    fail_webp(name, bytes, status);
  if (config.input.has_animation) fail(Exit::data, name + ": WebP is an animation; send a still image");
  check_pixels(name, config.input.width, config.input.height, settings);

  const int channels = config.input.has_alpha ? 4 : 3;
  Raster image{.h = config.input.height, .w = config.input.width, .channels = channels, .pixels = {}};
  image.pixels.resize(std::size_t(image.h) * std::size_t(image.w) * std::size_t(channels));
  config.output.colorspace = config.input.has_alpha ? MODE_RGBA : MODE_RGB;
  config.output.is_external_memory = 1;
  config.output.u.RGBA = {.rgba = image.pixels.data(), .stride = image.w * channels, .size = image.pixels.size()};
  if (const VP8StatusCode status = WebPDecode(data, bytes.size(), &config); status != VP8_STATUS_OK)
    fail_webp(name, bytes, status);
  return image;
}

}  // namespace pc::data::detail
