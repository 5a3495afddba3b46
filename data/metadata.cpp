#include "data/metadata.h"

#include <zlib.h>

#include <algorithm>
#include <optional>
#include <string_view>

#include "data/png_chunks.h"
#include "kernels/base/bytes.h"

namespace pc::data::detail {
namespace {

using namespace std::string_view_literals;
using Bytes = std::span<const std::byte>;

constexpr std::size_t kMostText = std::size_t(1) << 20;  // of a packed text: the tag lies near the beginning
constexpr auto kExifMark = "Exif\0\0"sv, kXmpMark = "http://ns.adobe.com/xap/1.0/\0"sv;

// Keeps a block that says by its first bytes what it is; bare TIFF is EXIF.
void keep(std::string_view block, Metadata& metadata) {
  if (block.starts_with(kXmpMark)) {
    if (metadata.xmp.empty()) metadata.xmp = block.substr(kXmpMark.size());
    return;
  }
  while (block.starts_with(kExifMark)) block.remove_prefix(kExifMark.size());  // some writers keep it everywhere
  if (metadata.exif.empty() && (block.starts_with("II*\0"sv) || block.starts_with("MM\0*"sv))) metadata.exif = block;
}

void keep_xmp(std::string_view text, Metadata& metadata) {
  if (metadata.xmp.empty()) metadata.xmp = text;
}

void read_jpeg(std::string_view b, Metadata& metadata) {
  for (std::size_t at = 2; at + 4 <= b.size() && uint8_t(b[at]) == 0xff;) {
    const int marker = uint8_t(b[at + 1]);
    if (marker == 0xff) {  // fill byte
      ++at;
      continue;
    }
    if (marker == 0xda || marker == 0xd9) break;
    const std::size_t length = std::size_t(uint8_t(b[at + 2])) << 8 | uint8_t(b[at + 3]);
    if (length < 2 || length + 2 > b.size() - at) break;
    const std::string_view body = b.substr(at + 4, length - 2);
    if (marker == 0xe1 && (body.starts_with(kExifMark) || body.starts_with(kXmpMark))) keep(body, metadata);
    at += 2 + length;
  }
}

// The unpacked text, cut where it grows too long or is damaged.
std::string inflated(std::string_view packed) {
  std::string text(std::min(kMostText, packed.size() * 1032 + 64), '\0');
  z_stream z{};
  if (inflateInit(&z) != Z_OK) return "";
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  z.avail_in = uInt(std::min(packed.size(), kMostText));
  z.next_out = reinterpret_cast<Bytef*>(text.data());
  z.avail_out = uInt(text.size());
  ::inflate(&z, Z_FINISH);
  text.resize(text.size() - z.avail_out);
  inflateEnd(&z);
  return text;
}

// Cuts what stands before the first NUL off the front; nothing if there is none.
std::optional<std::string_view> take_word(std::string_view& text) {
  const std::size_t end = text.find('\0');
  if (end == text.npos) return std::nullopt;
  const std::string_view word = text.substr(0, end);
  text.remove_prefix(end + 1);
  return word;
}

// ImageMagick's form: "\nexif\n      78\n", then the bytes in hexadecimal digits and line ends.
std::string raw_profile(std::string_view text) {
  for (int line = 0; line < 3; ++line) text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
  std::string bytes;
  int high = -1;
  for (const char c : text) {
    const int digit = c >= '0' && c <= '9'   ? c - '0'
                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                      : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                             : -1;
    if (digit < 0) continue;
    if (high >= 0) bytes.push_back(char(high << 4 | digit));
    high = high >= 0 ? -1 : digit;
  }
  return bytes;
}

// A text chunk: its keyword, then what its type asks for, then the text, packed or not.
void read_png_text(const PngChunk& chunk, Metadata& metadata) {
  std::string_view rest = as_text(chunk.body);
  const auto keyword = take_word(rest);
  const bool xmp = keyword == "XML:com.adobe.xmp"sv;
  const bool profile = keyword && keyword->starts_with("Raw profile type ");
  if (!xmp && !profile) return;
  bool packed = chunk.type == "zTXt";
  if (packed) rest.remove_prefix(std::min<std::size_t>(rest.size(), 1));  // method
  if (chunk.type == "iTXt") {
    packed = rest.starts_with('\1');
    rest.remove_prefix(std::min<std::size_t>(rest.size(), 2));  // flag and method
    if (!take_word(rest) || !take_word(rest)) return;           // language, translated keyword
  }
  const std::string text = packed ? inflated(rest) : std::string(rest.substr(0, kMostText));
  if (xmp) return keep_xmp(text, metadata);
  if (text.empty()) return;
  if (*keyword == "Raw profile type xmp")
    keep_xmp(raw_profile(text), metadata);
  else if (*keyword == "Raw profile type exif" || *keyword == "Raw profile type APP1")
    keep(raw_profile(text), metadata);
}

void read_png(Bytes bytes, Metadata& metadata) {
  PngChunks chunks(bytes);
  while (const auto chunk = chunks.next()) {
    if (chunk->type == "eXIf") keep(as_text(chunk->body), metadata);
    if (chunk->type == "tEXt" || chunk->type == "zTXt" || chunk->type == "iTXt") read_png_text(*chunk, metadata);
  }
}

// RIFF chunks: four letters, a little-endian size, the body, and a byte of padding if the size is odd.
void read_webp(std::string_view b, Metadata& metadata) {
  for (std::size_t at = 12; at + 8 <= b.size();) {
    std::size_t length = 0;
    for (std::size_t i = 0; i < 4; ++i) length |= std::size_t(uint8_t(b[at + 4 + i])) << (8 * i);
    if (length > b.size() - at - 8) break;
    const std::string_view type = b.substr(at, 4), body = b.substr(at + 8, length);
    if (type == "EXIF") keep(body, metadata);
    if (type == "XMP ") keep_xmp(body, metadata);
    at += 8 + length + length % 2;
  }
}

}  // namespace

Metadata read_metadata(Bytes bytes, ImageFormat format) {
  Metadata metadata;
  if (format == ImageFormat::jpeg) read_jpeg(as_text(bytes), metadata);
  if (format == ImageFormat::png) read_png(bytes, metadata);
  if (format == ImageFormat::webp) read_webp(as_text(bytes), metadata);
  return metadata;
}

}  // namespace pc::data::detail
