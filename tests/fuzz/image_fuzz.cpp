// Pictures of every format, EXIF included. The mutator makes the checksums of a PNG right again.
#include <zlib.h>

#include "data/decode.h"
#include "data/image.h"
#include "data/image_format.h"
#include "tests/fuzz/mutate.h"
#include "tests/fuzz/target.h"

namespace pc::fuzz {
namespace {

constexpr int64_t kMaxPixels = 1'000'000;

uint32_t big_endian(const std::string& s, std::size_t at) {
  uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value = value << 8 | uint8_t(s[at + i]);
  return value;
}

void change(std::string& png, Random&) {
  mutate(png, png.size() + 64);
  for (std::size_t at = 8; at + 12 <= png.size();) {
    const std::size_t length = big_endian(png, at);
    if (length > png.size() - at - 12) return;
    const auto crc = crc32_z(0, reinterpret_cast<const Bytef*>(png.data()) + at + 4, length + 4);
    for (std::size_t i = 0; i < 4; ++i) png[at + 8 + length + i] = char(crc >> (24 - 8 * i));
    at += 12 + length;
  }
}

}  // namespace
}  // namespace pc::fuzz

extern "C" std::size_t LLVMFuzzerCustomMutator(uint8_t* data, std::size_t size, std::size_t most, unsigned seed) {
  const bool png = pc::sniff(std::as_bytes(std::span(data, size))) == pc::ImageFormat::png;
  return png ? pc::fuzz::mutate_with(data, size, most, seed, pc::fuzz::change) : LLVMFuzzerMutate(data, size, most);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  return pc::fuzz::expect_answer(size, [=] {
    const int min_side = size % 2 == 0 ? 0 : 4;
    const pc::Image image = pc::decode_image(std::as_bytes(std::span(data, size)), "input",
                                             {.max_pixels = pc::fuzz::kMaxPixels, .min_side = min_side});
    pc::fuzz::expect(image.h > 0 && image.w > 0 && int64_t(image.h) * image.w <= pc::fuzz::kMaxPixels,
                     "the pixel limit");
    pc::fuzz::expect(image.pixels.size() == std::size_t(image.h) * std::size_t(image.w) * 3, "h x w x 3 bytes");
  });
}
