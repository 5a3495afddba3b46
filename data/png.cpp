// PNG through spng: every color type and depth.
//
// The decoder sees the chunks that make the pixels and no others: texts, color profiles and previews, however large or
// packed, cost nothing and cannot break an image.
#include "data/png.h"

#include <fmt/format.h>
#include <spng.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <new>

#include "data/png_chunks.h"
#include "kernels/base/bytes.h"
#include "kernels/base/error.h"

namespace pc::data::detail {
namespace {

class PixelStream {
 public:
  explicit PixelStream(std::span<const std::byte> png) {
    parts_.push_back(png.first(std::min<std::size_t>(png.size(), 8)));  // the signature
    PngChunks chunks(png);
    while (const auto chunk = chunks.next()) {
      if (makes_pixels(chunk->type)) parts_.push_back(chunk->whole);
      if (chunk->type == "IDAT") pixel_bytes_ += chunk->body.size();
      whole_ = whole_ || chunk->type == "IEND";
      if (whole_) return;
    }
    if (const auto rest = chunks.rest(); rest.size() > 8 && as_text(rest.subspan(4, 4)) == "IDAT") {
      parts_.push_back(rest);  // cut off within its pixels, which may be complete all the same
      pixel_bytes_ += rest.size();
    }
  }
  bool whole() const { return whole_; }                     // to the end that a PNG has
  std::size_t pixel_bytes() const { return pixel_bytes_; }  // packed

  static int read(spng_ctx*, void* stream, void* to, std::size_t bytes) {
    return static_cast<PixelStream*>(stream)->take(static_cast<std::byte*>(to), bytes);
  }

 private:
  // Those with a capital letter first must be understood; of the others only tRNS changes pixels.
  static bool makes_pixels(std::string_view type) { return (type[0] & 0x20) == 0 || type == "tRNS"; }

  int take(std::byte* to, std::size_t bytes) {
    while (bytes > 0 && part_ < parts_.size()) {
      std::span<const std::byte>& part = parts_[part_];
      const std::size_t n = std::min(bytes, part.size());
      to = std::copy_n(part.begin(), n, to);
      bytes -= n;
      part = part.subspan(n);
      if (part.empty()) ++part_;
    }
    return bytes == 0 ? 0 : SPNG_IO_EOF;
  }

  std::vector<std::span<const std::byte>> parts_;
  std::size_t part_ = 0, pixel_bytes_ = 0;
  bool whole_ = false;
};

class Checks {
 public:
  Checks(const std::string& name, const PixelStream& stream) : name_(name), stream_(stream) {}

  void operator()(int error) const {
    if (error) fail_with(error);
  }
  [[noreturn]] void fail_short() const {
    fail(Exit::data,
         name_ + (stream_.whole() ? ": PNG is damaged (the data of its pixels end too early); copy or download it again"
                                  : ": PNG is truncated; copy or download it again"));
  }
  [[noreturn]] void fail_with(int error) const {
    switch (error) {
      case SPNG_ECHUNK_CRC:
        fail(Exit::data, name_ + ": PNG has a wrong checksum (CRC)");
      case SPNG_IO_EOF:
      case SPNG_EOF:
      case SPNG_EIDAT_TOO_SHORT:
        fail_short();
      case SPNG_EMEM:
        throw std::bad_alloc();
      default:
        fail(Exit::data, fmt::format("{}: broken PNG ({})", name_, spng_strerror(error)));
    }
  }

 private:
  const std::string& name_;
  const PixelStream& stream_;
};

// Deflate makes of a byte at most 1032: a header that promises more is known to be false before pixels are allocated.
bool too_short(const spng_ihdr& header, std::size_t packed) {
  constexpr int kChannels[] = {1, 0, 3, 1, 2, 0, 4};  // by color type
  const uint64_t bits = uint64_t(header.width) * header.bit_depth * unsigned(kChannels[header.color_type]);
  return (bits + 7) / 8 * header.height / 1032 > packed;
}

}  // namespace

Raster decode_png(std::span<const std::byte> bytes, const std::string& name, const DecodeSettings& settings) {
  PixelStream stream(bytes);
  const Checks check(name, stream);
  const std::unique_ptr<spng_ctx, void (*)(spng_ctx*)> context(spng_ctx_new(0), spng_ctx_free);
  spng_ctx* c = context.get();
  if (!c) throw std::bad_alloc();
  check(spng_set_png_stream(c, PixelStream::read, &stream));
  spng_ihdr header{};
  check(spng_get_ihdr(c, &header));
  check_pixels(name, header.width, header.height, settings);
  if (too_short(header, stream.pixel_bytes())) check.fail_short();

  spng_trns transparent{};
  const bool alpha = (header.color_type & 4) != 0 || spng_get_trns(c, &transparent) == 0;
  const int format = alpha ? SPNG_FMT_RGBA8 : SPNG_FMT_RGB8;
  std::size_t size = 0;
  check(spng_decoded_image_size(c, format, &size));
  Raster image{.h = int(header.height), .w = int(header.width), .channels = alpha ? 4 : 3, .pixels = {}};
  image.pixels.resize(size);
  check(spng_decode_image(c, image.pixels.data(), size, format, alpha ? SPNG_DECODE_TRNS : 0));
  // The checksum of the last pixels comes after them. What else is wrong after the pixels, a missing end included,
  // does no harm.
  if (spng_decode_chunks(c) == SPNG_ECHUNK_CRC) check.fail_with(SPNG_ECHUNK_CRC);
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
