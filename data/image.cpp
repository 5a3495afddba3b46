// What a file is, and which decoder gets it.
#include "data/image.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <string_view>

#include "data/codecs.h"
#include "kernels/base/error.h"
#include "kernels/base/text.h"

namespace pc {
namespace {

bool is_text(std::string_view s) {
  return std::all_of(s.begin(), s.end(), [](char c) { return (c & 0x80) || std::isprint(c) || std::isspace(c); });
}

bool looks_like_html(std::string_view s) {
  while (!s.empty() && (std::isspace(static_cast<unsigned char>(s.front())) || (s.front() & 0x80))) s.remove_prefix(1);
  const std::string low = to_lower(s.substr(0, 64));
  for (const char* tag : {"<!doctype html", "<html", "<head", "<body", "<!--"}) {
    if (low.starts_with(tag)) return true;
  }
  return false;
}

ImageFormat sniff_container(std::string_view s) {
  if (s.starts_with("RIFF") && s.size() >= 12 && s.substr(8, 4) == "WEBP") return ImageFormat::webp;
  if (s.size() >= 12 && s.substr(4, 4) == "ftyp") {
    const std::string_view brand = s.substr(8, 4);
    if (brand == "avif" || brand == "avis") return ImageFormat::avif;
    for (const char* b : {"heic", "heix", "hevc", "hevx", "heim", "heis", "mif1", "msf1"}) {
      if (brand == b) return ImageFormat::heif;
    }
  }
  return ImageFormat::unknown;
}

}  // namespace

ImageFormat sniff(std::span<const std::byte> bytes) {
  const std::string_view s(reinterpret_cast<const char*>(bytes.data()), std::min<std::size_t>(bytes.size(), 512));
  using enum ImageFormat;
  if (s.empty()) return empty;
  if (s.starts_with("\xff\xd8\xff")) return jpeg;
  if (s.starts_with("\x89PNG\r\n\x1a\n")) return png;
  if (s.starts_with("GIF87a") || s.starts_with("GIF89a")) return gif;
  if (s.starts_with("BM") && s.size() >= 26 && s[15] == 0 && s[16] == 0) return bmp;
  if (s.size() > 3 && s[0] == 'P' && (s[1] == '5' || s[1] == '6') && std::isspace(static_cast<unsigned char>(s[2])))
    return pnm;
  if (s.starts_with(std::string_view("II*\0", 4)) || s.starts_with(std::string_view("MM\0*", 4))) return tiff;
  if (s.starts_with("%PDF")) return pdf;
  if (s.starts_with("PK\x03\x04")) return zip;
  if (const ImageFormat format = sniff_container(s); format != unknown) return format;
  if (looks_like_html(s)) return html;
  return is_text(s) ? text : unknown;
}

const char* name_of(ImageFormat format) {
  switch (format) {
    case ImageFormat::unknown:
      return "unknown";
    case ImageFormat::empty:
      return "empty";
    case ImageFormat::jpeg:
      return "JPEG";
    case ImageFormat::png:
      return "PNG";
    case ImageFormat::gif:
      return "GIF";
    case ImageFormat::bmp:
      return "BMP";
    case ImageFormat::pnm:
      return "PNM";
    case ImageFormat::webp:
      return "WebP";
    case ImageFormat::heif:
      return "HEIC";
    case ImageFormat::avif:
      return "AVIF";
    case ImageFormat::tiff:
      return "TIFF";
    case ImageFormat::pdf:
      return "PDF";
    case ImageFormat::zip:
      return "ZIP";
    case ImageFormat::html:
      return "HTML";
    case ImageFormat::text:
      return "text";
  }
  return "unknown";
}

void detail::check_pixels(const std::string& name, int64_t w, int64_t h, const DecodeSettings& settings) {
  if (w <= 0 || h <= 0) fail(Exit::data, fmt::format("{}: picture of {}x{} pixels", name, w, h));
  if (w > settings.max_pixels / h) {
    const double mega = double(settings.max_pixels) / 1e6;
    fail(Exit::limit, fmt::format("{}: {}x{} exceeds the limit of {:g} Mpixel", name, w, h, mega));
  }
}

bool is_web_image(ImageFormat format) {
  return format == ImageFormat::jpeg || format == ImageFormat::png || format == ImageFormat::webp;
}

Image decode_web_image(std::span<const std::byte> bytes, const std::string& name, const DecodeSettings& settings) {
  const ImageFormat format = sniff(bytes);
  const auto upright = [&](Image image) {
    return detail::orient(std::move(image), detail::exif_orientation(bytes, format));
  };
  switch (format) {
    case ImageFormat::jpeg:
      return upright(detail::decode_jpeg(bytes, name, settings));
    case ImageFormat::png:
      return upright(detail::decode_png(bytes, name, settings));
    case ImageFormat::webp:
      return upright(detail::decode_webp(bytes, name, settings));
    case ImageFormat::empty:
      fail(Exit::data, name + ": empty file");
    case ImageFormat::unknown:
      fail(Exit::data, name + ": not an image");
    case ImageFormat::html:
    case ImageFormat::text:
      fail(Exit::data, fmt::format("{}: not an image (looks like {})", name, name_of(format)));
    default:
      fail(Exit::data, fmt::format("{}: file is {}; send JPEG, PNG or WebP", name, name_of(format)));
  }
}

Image decode_image(std::span<const std::byte> bytes, const std::string& name, const DecodeSettings& settings) {
  switch (const ImageFormat format = sniff(bytes)) {
    case ImageFormat::pnm:
      return detail::decode_pnm(bytes, name, settings);
    case ImageFormat::gif:
    case ImageFormat::bmp:
      return detail::decode_with_stb(bytes, name, settings);
    case ImageFormat::heif:
    case ImageFormat::avif:
    case ImageFormat::tiff:
    case ImageFormat::pdf:
    case ImageFormat::zip:
      fail(Exit::data, fmt::format("{}: file is {}, not supported; convert to JPEG or PNG", name, name_of(format)));
    default:
      return decode_web_image(bytes, name, settings);
  }
}

}  // namespace pc
