// What headers say: formats, modes, sizes; and that no damage upsets the reader.
#include "data/image_info.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "data/decode.h"
#include "data/jpeg.h"
#include "kernels/base/file.h"
#include "tools/dataset/drawing.h"

namespace pc::dataset {
namespace {

std::string golden(const std::string& name) { return read_file(PC_SOURCE_DIR "/tests/data/golden/" + name); }
data::ImageInfo info_of(const std::string& bytes) {
  return data::image_info(std::as_bytes(std::span(bytes.data(), bytes.size())));
}
std::string text_of(const data::ImageInfo& i) {
  return fmt::format("{} {} {}x{}", name_of(i.format), name_of(i.mode), i.w, i.h);
}

TEST(ImageInfo, KnowsEveryMode) {
  // Sizes and modes as make_pictures.py wrote them; the decoder's own size is the second witness.
  const std::pair<const char*, data::ImageMode> cases[] = {
      {"rgb420.jpg", data::ImageMode::rgb},      {"rgb444.jpg", data::ImageMode::rgb},
      {"progressive.jpg", data::ImageMode::rgb}, {"gray.jpg", data::ImageMode::gray},
      {"cmyk.jpg", data::ImageMode::cmyk},       {"gray.png", data::ImageMode::gray},
      {"gray16.png", data::ImageMode::gray},     {"bits1.png", data::ImageMode::gray},
      {"rgb.png", data::ImageMode::rgb},         {"palette.png", data::ImageMode::palette},
      {"rgba.png", data::ImageMode::alpha},      {"picture.gif", data::ImageMode::palette},
      {"picture.bmp", data::ImageMode::rgb},     {"picture.ppm", data::ImageMode::rgb},
  };
  for (const auto& [name, mode] : cases) {
    const std::string bytes = golden(name);
    const data::ImageInfo info = info_of(bytes);
    const data::Image image = data::decode_image(std::as_bytes(std::span(bytes.data(), bytes.size())), name);
    EXPECT_EQ(name_of(info.mode), std::string(name_of(mode))) << name;
    EXPECT_EQ(std::pair(info.h, info.w), std::pair(int64_t(image.h), int64_t(image.w))) << name;
  }
}

TEST(ImageInfo, IsUpright) {
  const auto jpeg = encode_jpeg(draw_product(0, 0, 80, 60, 1, 1));
  std::string bytes(reinterpret_cast<const char*>(jpeg.data()), jpeg.size());
  EXPECT_EQ(text_of(info_of(bytes)), "JPEG RGB 60x80");
  std::string exif(
      "\xff\xe1\0\x22"
      "Exif\0\0"
      "II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0",
      36);
  EXPECT_EQ(text_of(info_of(bytes.substr(0, 2) + exif + bytes.substr(2))), "JPEG RGB 80x60");
}

TEST(ImageInfo, StrangeFilesStayUnknown) {
  EXPECT_EQ(text_of(info_of("")), "empty unknown 0x0");
  EXPECT_EQ(text_of(info_of("<html></html>")), "HTML unknown 0x0");
  EXPECT_EQ(text_of(info_of("\xff\xd8\xff")), "JPEG unknown 0x0");
}

TEST(ImageInfo, NoPrefixAndNoFlippedByteUpsetsIt) {
  for (const char* name :
       {"cmyk.jpg", "palette.png", "rgba.png", "picture.gif", "picture.bmp", "picture.ppm", "progressive.jpg"}) {
    const std::string bytes = golden(name);
    const std::size_t n = std::min<std::size_t>(bytes.size(), 800);
    for (std::size_t i = 0; i < n; ++i) {
      const std::string head = bytes.substr(0, i);
      info_of(std::string(head.data(), head.size()));
      for (const int value : {0x00, 0x7f, 0xff}) {
        std::string flipped = bytes;
        flipped[i] = char(value);
        const data::ImageInfo info = info_of(flipped);
        EXPECT_GE(info.h, 0) << name;
      }
    }
  }
}

}  // namespace
}  // namespace pc::dataset
