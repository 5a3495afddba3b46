// Decoders: every kind of file in, upright RGB or one clear line out.
#include "data/image.h"

#include <fstream>
#include <iterator>
#include <thread>

#include "data/decode.h"
#include "make.h"
#include "tests/support.h"

namespace pc::data {
namespace {

using test::as_bytes;
using test::error_of;

Image decode(const std::string& bytes, const DecodeSettings& settings = {}) {
  return decode_image(as_bytes(bytes), "a.jpg", settings);
}
std::string decode_error(const std::string& bytes, const DecodeSettings& settings = {}) {
  return error_of([&] { decode(bytes, settings); });
}

std::string slurp(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// Pictures of every type against what Pillow made of them.
class Golden : public testing::TestWithParam<const char*> {};
TEST_P(Golden, DecodesAsPillowDoes) {
  const std::string path = std::string(PC_SOURCE_DIR) + "/tests/data/golden/" + GetParam();
  const std::string expected = slurp(path + ".rgb");
  ASSERT_GT(expected.size(), 4u);
  const auto* e = reinterpret_cast<const uint8_t*>(expected.data());
  const Image image = decode(slurp(path));
  ASSERT_EQ(image.h, e[0]);
  ASSERT_EQ(image.w, e[2]);
  ASSERT_EQ(image.pixels.size() + 4, expected.size());
  for (std::size_t i = 0; i < image.pixels.size(); ++i) ASSERT_NEAR(image.pixels[i], e[4 + i], 1) << "byte " << i;
}
INSTANTIATE_TEST_SUITE_P(Pictures, Golden,
                         testing::Values("rgb444.jpg", "rgb420.jpg", "progressive.jpg", "gray.jpg", "cmyk.jpg",
                                         "rgb.png", "gray.png", "bits1.png", "palette.png", "rgba.png", "gray16.png",
                                         "picture.bmp", "picture.gif", "picture.ppm", "lossy.webp", "lossless.webp",
                                         "alpha.webp"),
                         [](const auto& param) {
                           std::string name = param.param;
                           name[name.find('.')] = '_';
                           return name;
                         });

TEST(Image, RgbaPngNamedJpgIsCompositedOnWhite) {
  const Image black{.h = 2, .w = 2, .pixels = std::vector<uint8_t>(12, 0)};
  EXPECT_EQ(decode(test::rgba_png_of(black, 0)).pixels, std::vector<uint8_t>(12, 255));
  EXPECT_EQ(decode(test::rgba_png_of(black, 255)).pixels, std::vector<uint8_t>(12, 0));
  EXPECT_EQ(decode(test::rgba_png_of(black, 55)).pixels, std::vector<uint8_t>(12, 200));
}

TEST(Image, OddSizes) {
  for (const auto& [h, w] : {std::pair(1, 1), {80, 53}, {60, 60}, {1, 2000}, {2000, 1}}) {
    const Image source = test::make_picture(h, w);
    EXPECT_LT(test::difference(decode(test::jpeg_of(source)), source), 3) << h << "x" << w;
    EXPECT_EQ(decode(test::png_of(source)).pixels, source.pixels) << h << "x" << w;
  }
}

// Where the stored pixel (y, x) of an h x w picture belongs when upright; written from the EXIF standard, independently
// of orient().
Image upright(const Image& stored, int orientation) {
  const int h = stored.h, w = stored.w;
  Image out{.h = orientation < 5 ? h : w, .w = orientation < 5 ? w : h, .pixels = stored.pixels};
  for (int y = 0; y < h; ++y) {
    for (int x = 0; x < w; ++x) {
      const int to[9][2] = {{},     {y, x},         {y, w - 1 - x},         {h - 1 - y, w - 1 - x}, {h - 1 - y, x},
                            {x, y}, {x, h - 1 - y}, {w - 1 - x, h - 1 - y}, {w - 1 - x, y}};
      for (int c = 0; c < 3; ++c) {
        out.pixels[std::size_t((to[orientation][0] * out.w + to[orientation][1]) * 3 + c)] =
            stored.pixels[std::size_t((y * w + x) * 3 + c)];
      }
    }
  }
  return out;
}

class Orientation : public testing::TestWithParam<int> {};
TEST_P(Orientation, TurnsThePictureUpright) {
  const std::string jpeg = test::jpeg_of(test::make_picture(24, 40));
  const Image expected = upright(decode(jpeg), GetParam());
  for (const bool big_endian : {false, true}) {
    const Image image = decode(test::with_exif(jpeg, GetParam(), big_endian));
    ASSERT_EQ(image.h, expected.h);
    EXPECT_EQ(image.pixels, expected.pixels) << big_endian;
  }
}
INSTANTIATE_TEST_SUITE_P(Exif, Orientation, testing::Range(1, 9));

TEST(Image, BrokenExifMeansUpright) {
  const std::string jpeg = test::jpeg_of(test::make_picture(16, 24));
  const Image expected = decode(jpeg);
  const std::string head("Exif\0\0", 6);
  const std::string bodies[] = {head, head + "II", head + std::string("II*\0\xff\xff\xff\xff", 8),
                                head + std::string("II*\0\x08\0\0\0\xff\xff\x12\x01", 12),
                                head + std::string("XX*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0", 22)};
  for (const auto& body : bodies) EXPECT_EQ(decode(test::with_app1(jpeg, body)).pixels, expected.pixels);
  EXPECT_EQ(decode(test::with_exif(jpeg, 0)).pixels, expected.pixels);
  EXPECT_EQ(decode(test::with_exif(jpeg, 9)).pixels, expected.pixels);
}

std::string golden(const std::string& name) { return slurp(std::string(PC_SOURCE_DIR) + "/tests/data/golden/" + name); }

TEST(Image, WhatClientsSendReachesThreeDecoders) {
  for (const char* name : {"rgb420.jpg", "rgba.png", "lossy.webp", "alpha.webp"})
    EXPECT_EQ(decode_web_image(as_bytes(golden(name)), "x").pixels, decode(golden(name)).pixels) << name;
  for (const auto& [name, format] : {std::pair{"picture.gif", "GIF"}, {"picture.bmp", "BMP"}, {"picture.ppm", "PNM"}})
    EXPECT_EQ(error_of([&, file = name] { decode_web_image(as_bytes(golden(file)), "x"); }),
              "3: x: file is " + std::string(format) + "; send JPEG, PNG or WebP");
}

// The chunks of a WebP file with one more of them, and the RIFF size that fits.
std::string with_chunk(std::string webp, const std::string& name, const std::string& body) {
  const auto little = [](std::size_t n) { return std::string{char(n), char(n >> 8), char(n >> 16), char(n >> 24)}; };
  webp += name + little(body.size()) + body + std::string(body.size() % 2, '\0');
  return webp.replace(4, 4, little(webp.size() - 8));
}

TEST(Image, ExifOfAWebpIsHonored) {
  const std::string plain = golden("lossless.webp");
  const std::string tiff("II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0", 26);
  const Image upright_one = decode(plain), turned = decode(with_chunk(plain, "EXIF", tiff));
  EXPECT_EQ(turned.h, upright_one.w);
  EXPECT_EQ(turned.pixels, upright(upright_one, 6).pixels);
  EXPECT_EQ(decode(with_chunk(plain, "EXIF", "no TIFF")).pixels, upright_one.pixels);
}

TEST(Image, CutAndAnimatedWebpIsRefused) {
  const std::string plain = golden("lossy.webp");
  EXPECT_EQ(decode_error(plain.substr(0, plain.size() / 2)), "3: a.jpg: WebP is truncated");
  const std::string size_less_one("\x0c\0\0\x08\0\0", 6);
  const std::string animated = std::string("RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0\x02\0\0\0", 24) + size_less_one;
  EXPECT_EQ(decode_error(animated), "3: a.jpg: WebP is an animation; send a still picture");
}

TEST(Image, FilesThatAreNoPicturesSayWhatTheyAre) {
  EXPECT_EQ(decode_error(""), "3: a.jpg: empty file");
  EXPECT_EQ(decode_error("\n <!DOCTYPE HTML><html>404"), "3: a.jpg: not an image (looks like HTML)");
  EXPECT_EQ(decode_error("no such picture"), "3: a.jpg: not an image (looks like text)");
  EXPECT_EQ(decode_error(std::string("\0\1\2\3", 4)), "3: a.jpg: not an image");
  EXPECT_EQ(decode_error(std::string("RIFF\0\0\0", 7)), "3: a.jpg: not an image");
  EXPECT_EQ(decode_error(std::string("RIFF\x10\0\0\0WEBPVP8 ", 16)), "3: a.jpg: WebP is truncated");
  EXPECT_EQ(decode_error(std::string("\0\0\0\x18"
                                     "ftypheic\0\0\0\0",
                                     16)),
            "3: a.jpg: file is HEIC, not supported; convert to JPEG or PNG");
  EXPECT_EQ(decode_error("%PDF-1.4 \x01"), "3: a.jpg: file is PDF, not supported; convert to JPEG or PNG");
}

TEST(Image, PnmSamplesOfOneAndTwoBytes) {
  EXPECT_EQ(decode("P5\n# two pixels\n2 1\n65535\n" + std::string("\x80\0\xff\xff", 4)).pixels,
            (std::vector<uint8_t>{128, 128, 128, 255, 255, 255}));
  EXPECT_EQ(decode("P6 1 1 65535\n" + std::string("\0\0\x80\0\xff\xff", 6)).pixels,
            (std::vector<uint8_t>{0, 128, 255}));
  EXPECT_EQ(decode(std::string("P6 1 1 3\n\0\1\3", 12)).pixels, (std::vector<uint8_t>{0, 85, 255}));
}

TEST(Image, BrokenPnmsNameTheDefect) {
  EXPECT_EQ(decode_error("P6 2 2 255\n12345678901"), "3: a.jpg: PNM is truncated");
  EXPECT_EQ(decode_error("P5 2 2 65535\n1234567"), "3: a.jpg: PNM is truncated");
  EXPECT_EQ(decode_error("P5 2 2"), "3: a.jpg: broken PNM (a number is missing in its header)");
  EXPECT_EQ(decode_error("P5 2 2 65536\n1234"), "3: a.jpg: broken PNM (largest value 65536)");
  EXPECT_EQ(decode_error("P5 0 2 255\n"), "3: a.jpg: image of 0x2 pixels");
  EXPECT_EQ(decode_error("P5 99999999999999999999 9 255\n"), "6: a.jpg: 9999999999x9 exceeds the limit of 100 Mpixel");
}

TEST(Image, EveryCutOfAJpegIsAnErrorUntilOnlyTheEndMarkerLacks) {
  for (const bool progressive : {false, true}) {
    const std::string jpeg = test::jpeg_of(test::make_picture(40, 30), 90, progressive);
    for (std::size_t n = 1; n + 8 < jpeg.size(); ++n) {
      ASSERT_NE(decode_error(jpeg.substr(0, n)), "nothing") << n << " of " << jpeg.size() << " bytes, " << progressive;
    }
    EXPECT_EQ(decode_error(jpeg.substr(0, jpeg.size() / 2)), "3: a.jpg: JPEG is truncated");
  }
  const std::string jpeg = test::jpeg_of(test::make_picture(40, 30));
  EXPECT_EQ(decode_error(jpeg.substr(0, jpeg.size() - 2)), "nothing");
}

TEST(Image, CutJpegWithAnEndMarkerIsTruncatedToo) {
  const std::string jpeg = test::jpeg_of(test::make_picture(80, 60));
  EXPECT_EQ(decode_error(jpeg.substr(0, jpeg.size() / 2) + "\xff\xd9"), "3: a.jpg: JPEG is truncated");
}

TEST(Image, ExtraBytesBeforeAMarkerPass) {
  std::string jpeg = test::jpeg_of(test::make_picture(40, 30));
  const Image expected = decode(jpeg);
  jpeg.insert(jpeg.size() - 2, "\x12\x34\x56");
  EXPECT_EQ(decode(jpeg).pixels, expected.pixels);
}

TEST(Image, HugeJpegAndPngAreRefusedBeforeAllocation) {
  EXPECT_EQ(decode_error(test::jpeg_claiming(65500, 65500)), "6: a.jpg: 65500x65500 exceeds the limit of 100 Mpixel");
  EXPECT_EQ(decode_error(test::png_claiming(30000, 30000)), "6: a.jpg: 30000x30000 exceeds the limit of 100 Mpixel");
  // Below the limit, but no such picture fits into so few bytes.
  EXPECT_EQ(decode_error(test::jpeg_claiming(9000, 9000)), "3: a.jpg: JPEG is truncated");
  EXPECT_EQ(decode_error(test::jpeg_of(test::make_picture(20, 20)), {.max_pixels = 399}),
            "6: a.jpg: 20x20 exceeds the limit of 0.000399 Mpixel");
  EXPECT_EQ(decode_error(test::jpeg_of(test::make_picture(20, 20)), {.max_pixels = 400}), "nothing");
}

// A side beyond what the network's input is sampled from, in few bytes: formats other than JPEG and WebP can say so.
TEST(Image, LongSidesAreRefused) {
  EXPECT_EQ(decode_error(test::png_claiming(1, 1'048'576)),
            "6: a.jpg: 1048576x1 exceeds the limit of 65535 pixels per side");
  EXPECT_EQ(decode_error(test::png_claiming(65'536, 1)),
            "6: a.jpg: 1x65536 exceeds the limit of 65535 pixels per side");
  EXPECT_EQ(decode_error("P5 70000 1 255\n" + std::string(70000, 'x')),
            "6: a.jpg: 70000x1 exceeds the limit of 65535 pixels per side");
  EXPECT_EQ(decode_error(test::png_of(test::make_picture(1, 65'535))), "nothing");
}

TEST(Image, TooManyScansAreRefused) {
  std::string jpeg = test::jpeg_of(test::make_picture(16, 16), 90, true);
  const std::size_t last = jpeg.rfind("\xff\xda");
  const std::string scan = jpeg.substr(last, jpeg.size() - 2 - last);
  std::string many = jpeg.substr(0, jpeg.size() - 2);
  for (int i = 0; i < 200; ++i) many += scan;
  EXPECT_EQ(decode_error(many + "\xff\xd9"), "6: a.jpg: JPEG has too many scans (over 100)");
}

TEST(Image, BrokenPngsNameTheDefect) {
  const std::string png = test::png_of(test::make_picture(30, 20));
  EXPECT_EQ(decode_error(png.substr(0, png.size() / 2)), "3: a.jpg: PNG is truncated");
  std::string flipped = png;
  flipped[png.size() - 13] = char(flipped[png.size() - 13] ^ 1);  // the last byte of IDAT's CRC
  EXPECT_EQ(decode_error(flipped), "3: a.jpg: PNG has a wrong checksum (CRC)");
  std::string garbled = png;
  garbled[png.size() / 2] = char(garbled[png.size() / 2] ^ 1);
  EXPECT_NE(decode_error(garbled), "nothing");
  EXPECT_EQ(decode_error(png.substr(0, png.size() - 12)), "nothing");  // no IEND, all rows there
}

TEST(Image, ABrokenJpegStaysOneWhateverOtherDecodersWouldMakeOfIt) {
  EXPECT_EQ(decode_error("\xff\xd8\xff\xe0 and no more").substr(0, 9), "3: a.jpg:");
  std::string jpeg = test::jpeg_of(test::make_picture(16, 16));
  jpeg[jpeg.find("\xff\xc0") + 4] = 7;  // precision
  EXPECT_NE(decode_error(jpeg).find("broken JPEG"), std::string::npos);
  EXPECT_EQ(decode_error(test::jpeg_of(test::make_picture(16, 16))), "nothing");  // the decoder is usable after errors
}

TEST(Image, MinSideReducesJpegsByPowersOfTwo) {
  const std::string jpeg = test::jpeg_of(test::make_picture(640, 480));
  EXPECT_EQ(decode(jpeg, {.min_side = 60}).w, 120);  // 1/4: the short side is still 2 * 60
  EXPECT_EQ(decode(jpeg, {.min_side = 61}).w, 240);
  EXPECT_EQ(decode(jpeg, {.min_side = 241}).w, 480);
  EXPECT_EQ(decode(jpeg, {.min_side = 1}).w, 60);  // 1/8 is the least
}

TEST(Image, ThreadsDecodeAlike) {
  std::vector<std::string> jpegs;
  std::vector<Image> expected;
  for (int i = 0; i < 16; ++i) {
    jpegs.push_back(test::jpeg_of(test::make_picture(20 + i, 30, i), 90, i % 2 == 1));
    expected.push_back(decode(jpegs.back()));
  }
  std::vector<int> wrong(4);
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < wrong.size(); ++t) {
    threads.emplace_back([&, t] {
      for (std::size_t i = 0; i < 200; ++i) {
        const std::size_t k = (i * 7 + t) % jpegs.size();
        wrong[t] += decode(jpegs[k]).pixels != expected[k].pixels;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, std::vector<int>(4));
}

}  // namespace
}  // namespace pc::data
