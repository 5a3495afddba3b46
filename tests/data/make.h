// Small pictures, zips and files that the tests of data/ make for themselves.
#pragma once

#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "data/image.h"
#include "tests/support.h"

namespace pc::test {

std::span<const std::byte> as_bytes(const std::string& s);

// A smooth picture that differs from corner to corner and with `seed`.
data::Image make_picture(int h, int w, int seed = 0);
std::string jpeg_of(const data::Image& image, int quality = 95, bool progressive = false);  // 4:4:4
std::string png_of(const data::Image& image);
std::string rgba_png_of(const data::Image& image, uint8_t alpha);
// A JPEG of 8x8 pixels or so whose header claims h x w.
std::string jpeg_claiming(int h, int w);
// A PNG with the signature and a valid header of h x w, and nothing else.
std::string png_claiming(uint32_t h, uint32_t w);

// The JPEG with an EXIF block (little- or big-endian) asking for `orientation`.
std::string with_exif(const std::string& jpeg, int orientation, bool big_endian = false);
std::string with_app1(const std::string& jpeg, const std::string& body);

std::string png_chunk(const std::string& type, const std::string& body);
std::string zlib(const std::string& text);
std::string gzip(const std::string& text);
using Files = std::map<std::string, std::string>;
void write_tree(const std::filesystem::path& root, const Files& files);
void write_zip(const std::filesystem::path& path, const Files& files);  // pictures are stored, the rest deflated

// Mean absolute difference of the pixels; huge where the sizes differ.
double difference(const data::Image& a, const data::Image& b);

}  // namespace pc::test
