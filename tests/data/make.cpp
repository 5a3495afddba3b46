// The encoders behind make.h: libjpeg, spng, libzip and zlib.
#include "make.h"

#include <spng.h>
#include <zip.h>
#include <zlib.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <stdexcept>

#include "data/png.h"

// jpeglib.h wants <cstdio> before it.
#include <jpeglib.h>

#include "tests/dataset/zip_bytes.h"

namespace pc::test {

std::span<const std::byte> as_bytes(const std::string& s) { return std::as_bytes(std::span(s.data(), s.size())); }

data::Image make_picture(int h, int w, int seed) {
  data::Image image{.h = h, .w = w, .pixels = {}};
  for (int y = 0; y < h; ++y) {
    for (int x = 0; x < w; ++x) {
      const int values[] = {x * 255 / std::max(1, w - 1), y * 255 / std::max(1, h - 1),
                            (seed * 37 + (x + y) * 2) % 256};
      for (const int v : values) image.pixels.push_back(uint8_t(v));
    }
  }
  return image;
}

std::string jpeg_of(const data::Image& image, int quality, bool progressive) {
  jpeg_compress_struct c{};
  jpeg_error_mgr errors{};
  c.err = jpeg_std_error(&errors);
  jpeg_create_compress(&c);
  unsigned char* out = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&c, &out, &size);
  c.image_width = JDIMENSION(image.w);
  c.image_height = JDIMENSION(image.h);
  c.input_components = 3;
  c.in_color_space = JCS_RGB;
  jpeg_set_defaults(&c);
  jpeg_set_quality(&c, quality, TRUE);
  c.comp_info[0].h_samp_factor = c.comp_info[0].v_samp_factor = 1;
  if (progressive) jpeg_simple_progression(&c);
  jpeg_start_compress(&c, TRUE);
  while (c.next_scanline < c.image_height) {
    auto* row = const_cast<uint8_t*>(&image.pixels[std::size_t(c.next_scanline) * std::size_t(image.w) * 3]);
    jpeg_write_scanlines(&c, &row, 1);
  }
  jpeg_finish_compress(&c);
  std::string jpeg(reinterpret_cast<char*>(out), size);
  jpeg_destroy_compress(&c);
  std::free(out);
  return jpeg;
}

namespace {

std::string encode_png(const data::Image& image, uint8_t color_type, const std::vector<uint8_t>& pixels) {
  spng_ctx* c = spng_ctx_new(SPNG_CTX_ENCODER);
  spng_set_option(c, SPNG_ENCODE_TO_BUFFER, 1);
  spng_ihdr header{.width = uint32_t(image.w), .height = uint32_t(image.h), .bit_depth = 8, .color_type = color_type};
  spng_set_ihdr(c, &header);
  if (spng_encode_image(c, pixels.data(), pixels.size(), SPNG_FMT_PNG, SPNG_ENCODE_FINALIZE))
    throw std::logic_error("spng");
  std::size_t size = 0;
  int error = 0;
  void* buffer = spng_get_png_buffer(c, &size, &error);
  std::string png(static_cast<char*>(buffer), size);
  std::free(buffer);
  spng_ctx_free(c);
  return png;
}

}  // namespace

std::string png_of(const data::Image& image) { return encode_png(image, SPNG_COLOR_TYPE_TRUECOLOR, image.pixels); }

std::string rgba_png_of(const data::Image& image, uint8_t alpha) {
  std::vector<uint8_t> rgba;
  for (std::size_t i = 0; i < image.pixels.size(); i += 3) {
    rgba.insert(rgba.end(), &image.pixels[i], &image.pixels[i] + 3);
    rgba.push_back(alpha);
  }
  return encode_png(image, SPNG_COLOR_TYPE_TRUECOLOR_ALPHA, rgba);
}

std::string jpeg_claiming(int h, int w) {
  std::string jpeg = jpeg_of(make_picture(8, 8));
  const std::size_t frame = jpeg.find("\xff\xc0");  // marker, length, precision, height, width
  for (const auto& [at, value] : {std::pair(frame + 5, h), std::pair(frame + 7, w)}) {
    jpeg[at] = char(value >> 8);
    jpeg[at + 1] = char(value & 255);
  }
  return jpeg;
}

std::string png_chunk(const std::string& type, const std::string& body) {
  const auto u32 = [](std::size_t v) { return std::string{char(v >> 24), char(v >> 16), char(v >> 8), char(v)}; };
  const std::string summed = type + body;
  return u32(body.size()) + summed +
         u32(crc32_z(0, reinterpret_cast<const unsigned char*>(summed.data()), summed.size()));
}

std::string png_claiming(uint32_t h, uint32_t w) {
  const auto u32 = [](uint32_t v) { return std::string{char(v >> 24), char(v >> 16), char(v >> 8), char(v)}; };
  return "\x89PNG\r\n\x1a\n" + png_chunk("IHDR", u32(w) + u32(h) + std::string("\x08\x02\0\0\0", 5)) + u32(1000) +
         "IDAT";
}

std::string with_app1(const std::string& jpeg, const std::string& body) {
  const std::size_t length = body.size() + 2;
  return jpeg.substr(0, 2) + "\xff\xe1" + char(length >> 8) + char(length & 255) + body + jpeg.substr(2);
}

std::string with_exif(const std::string& jpeg, int orientation, bool big_endian) {
  const char o = char(orientation);
  const std::string little{'I', 'I', 42, 0, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, o, 0, 0, 0, 0, 0, 0, 0};
  const std::string big{'M', 'M', 0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, o, 0, 0, 0, 0, 0, 0};
  return with_app1(jpeg, std::string("Exif\0\0", 6) + (big_endian ? big : little));
}

std::string zlib(const std::string& text) { return packed(text, MAX_WBITS); }
std::string gzip(const std::string& text) { return packed(text, MAX_WBITS + 16); }

void write_tree(const std::filesystem::path& root, const Files& files) {
  std::filesystem::create_directories(root);
  for (const auto& [name, text] : files) write_text(root / name, text);
}

void write_zip(const std::filesystem::path& path, const Files& files) {
  int error = 0;
  zip_t* zip = zip_open(path.c_str(), ZIP_CREATE | ZIP_TRUNCATE, &error);
  if (!zip) throw std::logic_error("zip_open");
  for (const auto& [name, text] : files) {
    const auto index =
        zip_file_add(zip, name.c_str(), zip_source_buffer(zip, text.data(), text.size(), 0), ZIP_FL_ENC_UTF_8);
    const bool picture = name.ends_with(".jpg") || name.ends_with(".png");
    if (index < 0) throw std::logic_error("zip_file_add");
    zip_set_file_compression(zip, zip_uint64_t(index), picture ? ZIP_CM_STORE : ZIP_CM_DEFLATE, 0);
  }
  if (zip_close(zip) != 0) throw std::logic_error(zip_strerror(zip));
}

double difference(const data::Image& a, const data::Image& b) {
  if (a.h != b.h || a.w != b.w || a.pixels.size() != b.pixels.size()) return 1e9;
  double sum = 0;
  for (std::size_t i = 0; i < a.pixels.size(); ++i) sum += std::abs(int(a.pixels[i]) - int(b.pixels[i]));
  return sum / double(a.pixels.size());
}

}  // namespace pc::test
