// PNG through spng: every color type and depth, alpha composited on white.
#include "data/png.h"

#include <fmt/format.h>
#include <spng.h>

#include <cstdlib>
#include <memory>
#include <new>

#include "data/alpha.h"
#include "kernels/base/error.h"

namespace pc::data::detail {
namespace {

constexpr std::size_t kMaxChunk = std::size_t(1) << 20, kMaxChunks = std::size_t(64) << 20;  // ICC profiles and texts

[[noreturn]] void fail_png(const std::string& name, int error) {
  switch (error) {
    case SPNG_ECHUNK_CRC:
      fail(Exit::data, name + ": PNG has a wrong checksum (CRC)");
    case SPNG_IO_EOF:
    case SPNG_EOF:
    case SPNG_EIDAT_TOO_SHORT:
      fail(Exit::data, name + ": PNG is truncated");
    case SPNG_EMEM:
      throw std::bad_alloc();
    case SPNG_ECHUNK_LIMITS:
      fail(Exit::limit, fmt::format("{}: PNG takes too much memory ({})", name, spng_strerror(error)));
    default:
      fail(Exit::data, fmt::format("{}: broken PNG ({})", name, spng_strerror(error)));
  }
}

void check(int error, const std::string& name) {
  if (error) fail_png(name, error);
}

}  // namespace

Image decode_png(std::span<const std::byte> bytes, const std::string& name, const DecodeSettings& settings) {
  const std::unique_ptr<spng_ctx, void (*)(spng_ctx*)> context(spng_ctx_new(0), spng_ctx_free);
  spng_ctx* c = context.get();
  if (!c) throw std::bad_alloc();
  check(spng_set_chunk_limits(c, kMaxChunk, kMaxChunks), name);
  check(spng_set_png_buffer(c, bytes.data(), bytes.size()), name);
  spng_ihdr header{};
  check(spng_get_ihdr(c, &header), name);
  check_pixels(name, header.width, header.height, settings);

  spng_trns transparent{};
  const bool alpha = (header.color_type & 4) != 0 || spng_get_trns(c, &transparent) == 0;
  const int format = alpha ? SPNG_FMT_RGBA8 : SPNG_FMT_RGB8;
  std::size_t size = 0;
  check(spng_decoded_image_size(c, format, &size), name);
  Image image{.h = int(header.height), .w = int(header.width), .pixels = std::vector<uint8_t>(size)};
  check(spng_decode_image(c, image.pixels.data(), size, format, alpha ? SPNG_DECODE_TRNS : 0), name);
  // The checksum of the last pixels comes after them. What else is wrong after the pixels, a missing end included,
  // does no harm.
  if (spng_decode_chunks(c) == SPNG_ECHUNK_CRC) fail_png(name, SPNG_ECHUNK_CRC);
  if (alpha) image.pixels = composite_on_white(image.pixels);
  return image;
}

}  // namespace pc::data::detail

namespace pc::data {

std::vector<std::byte> encode_png(const Image& image) {
  const std::unique_ptr<spng_ctx, decltype(&spng_ctx_free)> context(spng_ctx_new(SPNG_CTX_ENCODER), &spng_ctx_free);
  if (!context) throw std::bad_alloc();
  spng_ihdr header{};
  header.width = uint32_t(image.w);
  header.height = uint32_t(image.h);
  header.bit_depth = 8;
  header.color_type = SPNG_COLOR_TYPE_TRUECOLOR;
  spng_set_option(context.get(), SPNG_ENCODE_TO_BUFFER, 1);
  int error = spng_set_ihdr(context.get(), &header);
  if (!error)
    error =
        spng_encode_image(context.get(), image.pixels.data(), image.pixels.size(), SPNG_FMT_PNG, SPNG_ENCODE_FINALIZE);
  std::size_t size = 0;
  const std::unique_ptr<void, decltype(&std::free)> png(
      error ? nullptr : spng_get_png_buffer(context.get(), &size, &error), &std::free);
  if (error) fail_shape(fmt::format("encode_png: {} x {}: {}", image.h, image.w, spng_strerror(error)));
  const auto* bytes = static_cast<const std::byte*>(png.get());
  return {bytes, bytes + size};
}

}  // namespace pc::data
