// Decoders: every kind of file in, upright RGB or one clear line out.
#include "data/image.h"

#include <algorithm>
#include <filesystem>
#include <thread>

#include "data/decode.h"
#include "data/exif.h"
#include "data/file_names.h"
#include "kernels/base/file.h"
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

std::string golden(const std::string& name) {
  return read_file(std::string(PC_SOURCE_DIR) + "/tests/data/golden/" + name);
}

// Pictures of every type against what Pillow made of them.
class Golden : public testing::TestWithParam<std::string> {};
TEST_P(Golden, DecodesAsPillowDoes) {
  const std::string path = std::string(PC_SOURCE_DIR) + "/tests/data/golden/" + GetParam();
  const std::string expected = read_file(path + ".rgb");
  ASSERT_GT(expected.size(), 4u);
  const auto* e = reinterpret_cast<const uint8_t*>(expected.data());
  const Image image = decode(read_file(path));
  ASSERT_EQ(image.h, e[0]);
  ASSERT_EQ(image.w, e[2]);
  ASSERT_EQ(image.pixels.size() + 4, expected.size());
  for (std::size_t i = 0; i < image.pixels.size(); ++i) ASSERT_NEAR(image.pixels[i], e[4 + i], 1) << "byte " << i;
}
// Every file that has its .rgb.
std::vector<std::string> golden_names() {
  std::vector<std::string> names;
  for (const auto& file : std::filesystem::directory_iterator(std::string(PC_SOURCE_DIR) + "/tests/data/golden"))
    if (file.path().extension() == ".rgb") names.push_back(file.path().stem().string());
  std::sort(names.begin(), names.end());
  return names;
}
INSTANTIATE_TEST_SUITE_P(Pictures, Golden, testing::ValuesIn(golden_names()), [](const auto& param) {
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

// A TIFF block with entries (tag, type, the four bytes of the value), the directory at `at`.
std::string tiff(bool little, const std::vector<std::tuple<int, int, std::string>>& entries, std::size_t at = 8) {
  const auto number = [&](std::size_t value, int bytes) {
    std::string text;
    for (int i = 0; i < bytes; ++i) text += char(value >> 8 * (little ? i : bytes - 1 - i));
    return text;
  };
  std::string block = (little ? "II" : "MM") + number(42, 2) + number(at, 4) + std::string(at - 8, '\xff');
  block += number(entries.size(), 2);
  for (const auto& [tag, type, value] : entries)
    block += number(std::size_t(tag), 2) + number(std::size_t(type), 2) + number(1, 4) + value;
  return block;
}

TEST(Exif, TheTagIsFoundWhereverAndHoweverItIsWritten) {
  using namespace std::string_literals;
  constexpr int kTag = 0x112, kByte = 1, kShort = 3, kLong = 4, kSignedByte = 6, kSignedLong = 9;
  const std::tuple<int, int, std::string> other{0x100, kLong, "\1\1\1\1"};
  const struct {
    std::string block;
    std::optional<int> value;
  } cases[] = {
      {tiff(true, {{kTag, kShort, "\6\0\7\7"s}}), 6},
      {tiff(false, {{kTag, kShort, "\0\6\7\7"s}}), 6},
      {tiff(true, {{kTag, kLong, "\3\0\0\0"s}}), 3},
      {tiff(false, {{kTag, kLong, "\0\0\0\3"s}}), 3},
      {tiff(true, {{kTag, kSignedLong, "\3\0\0\1"s}}), 0},
      {tiff(false, {{kTag, kByte, "\5\7\7\7"s}}), 5},
      {tiff(true, {{kTag, kSignedByte, "\5\7\7\7"s}}), 5},
      {tiff(false, {other, {kTag, kShort, "\0\10\0\0"s}}), 8},
      {tiff(true, {other, other, {kTag, kShort, "\2\0\0\0"s}, {kTag, kShort, "\4\0\0\0"s}}, 21), 2},
      {tiff(true, {{kTag, kShort, "\11\0\0\0"s}}), 0},
      {tiff(true, {{kTag, kShort, "\0\0\0\0"s}}), 0},
      {tiff(true, {{kTag, kShort, "\6\0\0\0"s}}).substr(0, 21), std::nullopt},
      {tiff(true, {other}) + tiff(true, {{kTag, kShort, "\6\0\0\0"s}}).substr(10), std::nullopt},
      {tiff(true, {}), std::nullopt},
      {tiff(true, {other}), std::nullopt},
      {"MM" + tiff(true, {{kTag, kShort, "\6\0\0\0"s}}).substr(2), std::nullopt},
      {"", std::nullopt},
  };
  for (std::size_t i = 0; i < std::size(cases); ++i)
    EXPECT_EQ(detail::exif_orientation(cases[i].block), cases[i].value) << i;
}

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
  EXPECT_EQ(decode_error(plain.substr(0, plain.size() / 2)), "3: a.jpg: WebP is truncated; copy or download it again");
  const std::string size_less_one("\x0c\0\0\x08\0\0", 6);
  const std::string animated = std::string("RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0\x02\0\0\0", 24) + size_less_one;
  EXPECT_EQ(decode_error(animated), "3: a.jpg: WebP is an animation; send a still image");
}

TEST(Image, FilesThatAreNoPicturesSayWhatTheyAre) {
  EXPECT_EQ(decode_error(""), "3: a.jpg: empty file; copy or download it again");
  EXPECT_EQ(decode_error("\n <!DOCTYPE HTML><html>404"),
            "3: a.jpg: not an image (looks like HTML); expected JPEG, PNG or WebP");
  EXPECT_EQ(decode_error("no such image"), "3: a.jpg: not an image (looks like text); expected JPEG, PNG or WebP");
  EXPECT_EQ(decode_error(std::string("\0\1\2\3", 4)),
            "3: a.jpg: not an image of a known format; convert it to JPEG or PNG");
  EXPECT_EQ(decode_error(std::string("RIFF\0\0\0", 7)),
            "3: a.jpg: not an image of a known format; convert it to JPEG or PNG");
  EXPECT_EQ(decode_error(std::string("RIFF\x10\0\0\0WEBPVP8 ", 16)),
            "3: a.jpg: WebP is truncated; copy or download it again");
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
  EXPECT_EQ(decode_error("P6 2 2 255\n12345678901"), "3: a.jpg: PNM is truncated; copy or download it again");
  EXPECT_EQ(decode_error("P5 2 2 65535\n1234567"), "3: a.jpg: PNM is truncated; copy or download it again");
  EXPECT_EQ(decode_error("P5 2 2"), "3: a.jpg: broken PNM (a number is missing in its header)");
  EXPECT_EQ(decode_error("P5 2 2 65536\n1234"), "3: a.jpg: broken PNM (largest value 65536)");
  EXPECT_EQ(decode_error("P5 0 2 255\n"), "3: a.jpg: damaged: an image of 0x2 pixels; copy or download it again");
  EXPECT_EQ(decode_error("P5 99999999999999999999 9 255\n"), "6: a.jpg: 9999999999x9 exceeds the limit of 100 Mpixel");
}

TEST(Image, EveryCutOfAJpegIsAnErrorUntilOnlyTheEndMarkerLacks) {
  for (const bool progressive : {false, true}) {
    const std::string jpeg = test::jpeg_of(test::make_picture(40, 30), 90, progressive);
    for (std::size_t n = 1; n + 8 < jpeg.size(); ++n) {
      ASSERT_NE(decode_error(jpeg.substr(0, n)), "nothing") << n << " of " << jpeg.size() << " bytes, " << progressive;
    }
    EXPECT_EQ(decode_error(jpeg.substr(0, jpeg.size() / 2)), "3: a.jpg: JPEG is truncated; copy or download it again");
  }
  const std::string jpeg = test::jpeg_of(test::make_picture(40, 30));
  EXPECT_EQ(decode_error(jpeg.substr(0, jpeg.size() - 2)), "nothing");
}

// The end is there, so nothing was cut off: the file is damaged.
TEST(Image, JpegThatLacksDataBeforeItsEndIsDamaged) {
  const std::string message =
      "3: a.jpg: JPEG is damaged (the data of its pixels end too early); copy or download it again";
  const std::string jpeg = test::jpeg_of(test::make_picture(80, 60));
  EXPECT_EQ(decode_error(jpeg.substr(0, jpeg.size() / 2) + "\xff\xd9"), message);
  std::string damaged = jpeg;
  damaged.replace(jpeg.size() / 2, 4, "\xff\xd9\xff\xd9");
  EXPECT_EQ(decode_error(damaged), message);
  EXPECT_EQ(decode_error(jpeg.substr(0, jpeg.size() / 2) + jpeg.substr(jpeg.size() / 2 + 40)), message);
}

TEST(Image, PngAndWebpThatLackDataBeforeTheirEndAreDamaged) {
  const std::string png = test::png_of(test::make_picture(80, 60));
  const std::size_t end = png.size() - 12, data = png.find("IDAT") - 4;
  EXPECT_EQ(decode_error(png.substr(0, data) + png.substr(end)),
            "3: a.jpg: PNG is damaged (the data of its pixels end too early); copy or download it again");
  std::string webp = golden("lossy.webp").substr(0, 84);  // with the sizes of RIFF and of its chunk that fit
  for (const std::size_t at : {std::size_t(4), std::size_t(16)})
    for (std::size_t i = 0; i < 4; ++i) webp[at + i] = char(((webp.size() - at - 4) >> (8 * i)) & 255);
  EXPECT_EQ(decode_error(webp), "3: a.jpg: WebP is damaged (its data end too early); copy or download it again");
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
  EXPECT_EQ(decode_error(test::jpeg_claiming(9000, 9000)), "3: a.jpg: JPEG is truncated; copy or download it again");
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

// Texts, profiles and previews are not looked at: how large they are, how well packed, or damaged.
TEST(Image, PngChunksThatMakeNoPixelsCostNothing) {
  const Image image = test::make_picture(30, 20);
  const std::string png = test::png_of(image), zeros(8'000'000, '\0');
  const auto with = [&](const std::string& type, const std::string& body) {
    return png.substr(0, 33) + test::png_chunk(type, body) + png.substr(33);
  };
  std::string noise(1'500'000, ' ');
  uint32_t state = 1;
  for (char& c : noise) c = char('0' + ((state = state * 1664525 + 1013904223) >> 29));
  const std::string text = std::string("workflow\0", 9), bomb = test::zlib(zeros);
  const std::string damaged = with("tEXt", text + "x");
  const std::string files[] = {with("tEXt", text + noise),
                               with("zTXt", text + std::string(1, '\0') + test::zlib(noise)),
                               with("iTXt", text + std::string("\1\0\0\0", 4) + test::zlib(noise)),
                               with("iCCP", std::string("profile\0\0", 9) + test::zlib(noise)),
                               with("zTXt", text + std::string(1, '\0') + bomb),
                               with("iTXt", std::string("XML:com.adobe.xmp\0\1\0\0\0", 22) + bomb),
                               with("zTXt", std::string("Raw profile type exif\0\0", 23) + bomb),
                               with("prVt", noise),
                               with("sPLT", ""),
                               with("tIME", "x"),
                               with("eXIf", noise),
                               damaged.substr(0, 33 + 8 + 12) + "y" + damaged.substr(33 + 8 + 13)};
  for (const std::string& file : files) EXPECT_EQ(decode(file).pixels, image.pixels) << &file - files;
}

TEST(Image, AHeaderThatPromisesMoreThanTheFileCanHoldIsRefusedBeforeAllocation) {
  const std::string end = test::png_chunk("IDAT", "12345678") + test::png_chunk("IEND", "");
  const std::string png = test::png_claiming(9000, 9000).substr(0, 33);
  EXPECT_EQ(decode_error(png + end),
            "3: a.jpg: PNG is damaged (the data of its pixels end too early); copy or download it again");
  std::string bmp = golden("x32.bmp");
  bmp[19] = 3;  // 781 pixels wide
  EXPECT_EQ(decode_error(bmp), "3: a.jpg: BMP is truncated; copy or download it again");
  std::string gif = golden("picture.gif");
  for (const std::size_t at :
       {gif.rfind(std::string("\x2c\0\0\0\0\x0d\0", 7)) + 5, gif.rfind(std::string("\x09\0", 2))})
    gif.replace(at, 2, "\x70\x17");  // 6000 x 6000
  EXPECT_EQ(decode_error(gif), "3: a.jpg: GIF is truncated; copy or download it again");
}

// A chunk that is cut off is never asked for: its length is a claim.
TEST(Image, AChunkThatClaimsMoreThanTheFileIsNotAllocated) {
  const std::string png = test::png_of(test::make_picture(30, 20)), claim("\x7f\xff\xff\xff", 4);
  for (const char* type : {"tRNS", "PLTE", "ABCD", "tEXt", "IDAT"})
    EXPECT_EQ(decode_error(png.substr(0, 33) + claim + type + "123456"),
              "3: a.jpg: PNG is truncated; copy or download it again")
        << type;
}

TEST(Image, BmpsThatAreCutOrUnknownSaySo) {
  for (const char* name : {"down.bmp", "bits4.bmp", "rle8.bmp", "rle4.bmp", "alpha_v4.bmp", "picture.gif"}) {
    const std::string file = golden(name);
    EXPECT_EQ(decode_error(file.substr(0, file.size() - 20)),
              std::string("3: a.jpg: ") + (name[8] == 'g' ? "GIF" : "BMP") + " is truncated; copy or download it again")
        << name;
  }
  std::string jpeg_inside = golden("x32.bmp"), odd = jpeg_inside, header = jpeg_inside;
  jpeg_inside[30] = 4, odd[28] = 13, header[14] = 13;
  EXPECT_EQ(decode_error(jpeg_inside), "3: a.jpg: BMP with compression 4, not supported; convert to JPEG or PNG");
  EXPECT_EQ(decode_error(odd), "3: a.jpg: BMP with 13 bits per pixel, not supported; convert to JPEG or PNG");
  EXPECT_EQ(decode_error(header), "3: a.jpg: BMP with a header of 13 bytes, not supported; convert to JPEG or PNG");
}

// Signatures as file(1) knows them.
TEST(Image, FormatsThatAreNotDecodedAreNamed) {
  const auto ftyp = [](const std::string& brands) {
    return std::string("\0\0\0", 3) + char(8 + brands.size()) + "ftyp" + brands;
  };
  const std::pair<std::string, const char*> files[] = {{std::string("\xff\x0a\xfa\x1f", 4), "JPEG XL"},
                                                       {std::string("\0\0\0\x0cJXL \r\n\x87\n", 12), "JPEG XL"},
                                                       {std::string("\0\0\0\x0cjP  \r\n\x87\n", 12), "JPEG 2000"},
                                                       {std::string("\xff\x4f\xff\x51\0", 5), "JPEG 2000"},
                                                       {std::string("\0\0\1\0\1\0\x20\x20", 8), "ICO"},
                                                       {std::string("8BPS\0\1", 6), "PSD"},
                                                       {std::string("II*\0\x08\0\0\0", 8), "TIFF"},
                                                       {std::string("MM\0+\0\x08\0\0", 8), "TIFF"},
                                                       {std::string("II*\0\x10\0\0\0CR\2\0", 12), "camera raw"},
                                                       {ftyp("heic" + std::string(4, '\0') + "mif1heic"), "HEIC"},
                                                       {ftyp("mif1" + std::string(4, '\0') + "mif1heic"), "HEIC"},
                                                       {ftyp("avif" + std::string(4, '\0') + "avifmif1"), "AVIF"},
                                                       {ftyp("mif1" + std::string(4, '\0') + "mif1avif"), "AVIF"},
                                                       {ftyp("crx " + std::string(4, '\0') + "crx isom"), "camera raw"},
                                                       {ftyp("isom" + std::string(4, '\0') + "isommp42"), "video"},
                                                       {std::string("RIFF\x10\0\0\0AVI LIST", 16), "video"},
                                                       {"<svg xmlns=\"http://www.w3.org/2000/svg\"/>", "SVG"},
                                                       {"<?xml version=\"1.0\"?>\n<!-- drawn -->\n<svg/>", "SVG"},
                                                       {"<!-- drawn --><svg/>", "SVG"},
                                                       {"%PDF-1.7", "PDF"},
                                                       {"%!PS-Adobe-3.0 EPSF-3.0", "EPS"},
                                                       {"gimp xcf v011", "XCF (GIMP)"},
                                                       {"qoif", "QOI"},
                                                       {"#?RADIANCE\n", "Radiance HDR"},
                                                       {std::string("v/1\1\2\0", 6), "OpenEXR"},
                                                       {"DDS |", "DDS"},
                                                       {"P3\n1 1\n255\n1 2 3", "PNM of another kind than P5 and P6"},
                                                       {"P4\n8 1\nx", "PNM of another kind than P5 and P6"},
                                                       {"PK\3\4", "ZIP"}};
  for (const auto& [bytes, format] : files)
    EXPECT_EQ(decode_error(bytes),
              "3: a.jpg: file is " + std::string(format) + ", not supported; convert to JPEG or PNG");
  EXPECT_EQ(decode_error("<!-- a page --><html></html>"),
            "3: a.jpg: not an image (looks like HTML); expected JPEG, PNG or WebP");
  EXPECT_EQ(decode_error("<?xml version=\"1.0\"?><note/>"),
            "3: a.jpg: not an image (looks like text); expected JPEG, PNG or WebP");
}

// By name: what is decoded, and what is refused by its own name and not passed over.
TEST(Image, FilesOfFoldersAreImagesByTheirExtension) {
  for (const char* name :
       {"a.jpg", "A.JPEG", "a.jfif", "a.apng", "a.dib", "a.GIF", "a.heic", "a.jxl", "a.jp2", "a.avif", "b/a.TIF"})
    EXPECT_TRUE(has_image_name(name)) << name;
  for (const char* name : {"a.txt", "jpg", "a.jpg.txt", "a.csv", "a"}) EXPECT_FALSE(has_image_name(name)) << name;
}

TEST(Image, BrokenPngsNameTheDefect) {
  const std::string png = test::png_of(test::make_picture(30, 20));
  EXPECT_EQ(decode_error(png.substr(0, png.size() / 2)), "3: a.jpg: PNG is truncated; copy or download it again");
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
  EXPECT_HAS(decode_error(jpeg), "broken JPEG");
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
