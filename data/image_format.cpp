// The first bytes of a file tell its format.
#include "data/image_format.h"

#include <algorithm>
#include <cctype>
#include <string>
#include <string_view>

#include "kernels/base/text.h"

namespace pc::data {
namespace {

using enum ImageFormat;
using namespace std::string_view_literals;

struct Signature {
  ImageFormat format;
  std::size_t at;
  std::string_view bytes;
};

// The first that fits counts.
constexpr Signature kSignatures[] = {
    {jpeg_ls, 0, "\xff\xd8\xff\xf7"sv},
    {jpeg, 0, "\xff\xd8\xff"sv},
    {png, 0, "\x89PNG\r\n\x1a\n"sv},
    {gif, 0, "GIF87a"sv},
    {gif, 0, "GIF89a"sv},
    {jpeg_xl, 0, "\xff\x0a"sv},
    {jpeg_xl, 0, "\0\0\0\x0cJXL \r\n\x87\n"sv},
    {jpeg_2000, 0, "\0\0\0\x0cjP  \r\n\x87\n"sv},
    {jpeg_2000, 0, "\xff\x4f\xff\x51"sv},
    {jpeg_xr, 0, "II\xbc\x01"sv},
    {camera_raw, 0, "II*\0\x10\0\0\0CR"sv},
    {camera_raw, 0, "FUJIFILMCCD-RAW"sv},
    {camera_raw, 0, "IIRO"sv},
    {camera_raw, 0, "IIU\0"sv},
    {camera_raw, 0, "\0MRM"sv},
    {camera_raw, 0, "FOVb"sv},
    {camera_raw, 4, "ftypcrx "sv},
    {tiff, 0, "II*\0"sv},
    {tiff, 0, "MM\0*"sv},
    {tiff, 0, "II+\0"sv},
    {tiff, 0, "MM\0+"sv},
    {ico, 0, "\0\0\1\0"sv},
    {ico, 0, "\0\0\2\0"sv},
    {psd, 0, "8BPS"sv},
    {exr, 0, "v/1\1"sv},
    {hdr, 0, "#?RADIANCE"sv},
    {hdr, 0, "#?RGBE"sv},
    {dds, 0, "DDS "sv},
    {qoi, 0, "qoif"sv},
    {xcf, 0, "gimp xcf "sv},
    {eps, 0, "%!PS"sv},
    {eps, 0, "\xc5\xd0\xd3\xc6"sv},
    {emf, 40, " EMF"sv},
    {emf, 0, "\xd7\xcd\xc6\x9a"sv},
    {dicom, 128, "DICM"sv},
    {pdf, 0, "%PDF"sv},
    {video, 0, "\x1a\x45\xdf\xa3"sv},
    {video, 4, "ftyp"sv},  // with no brand of a still image
    {video, 4, "moov"sv},
    {zip, 0, "PK\x03\x04"sv},
};

ImageFormat sniff_riff(std::string_view s) {
  if (!s.starts_with("RIFF") || s.size() < 12) return unknown;
  return s.substr(8, 4) == "WEBP" ? webp : s.substr(8, 4) == "AVI " ? video : unknown;
}

// HEIC and AVIF share a container with videos: their brands, the first four letters or one of those that follow.
ImageFormat still_brand(std::string_view s) {
  if (s.size() < 12 || s.substr(4, 4) != "ftyp") return unknown;
  const std::size_t length = uint8_t(s[2]) << 8 | uint8_t(s[3]);
  for (std::size_t at = 8; at + 4 <= std::min(length < 12 ? 12 : length, s.size()); at += 4) {
    const std::string_view brand = s.substr(at, 4);
    if (brand == "avif" || brand == "avis") return avif;
    for (const char* b : {"heic", "heix", "hevc", "hevx", "heim", "heis"})
      if (brand == b) return heif;
  }
  const std::string_view brand = s.substr(8, 4);
  return brand == "mif1" || brand == "msf1" ? heif : unknown;
}

bool is_text(std::string_view s) {
  return std::all_of(s.begin(), s.end(), [](char c) { return (c & 0x80) || std::isprint(c) || std::isspace(c); });
}

bool is_space(char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; }

// White space and the mark that some editors put in front left out.
std::string_view without_blanks(std::string_view s) {
  while (!s.empty() && (is_space(s.front()) || (s.front() & 0x80))) s.remove_prefix(1);
  return s;
}

bool looks_like_html(std::string_view s) {
  const std::string low = to_lower(without_blanks(s).substr(0, 64));
  for (const char* tag : {"<!doctype html", "<html", "<head", "<body", "<!--"}) {
    if (low.starts_with(tag)) return true;
  }
  return false;
}

bool looks_like_svg(std::string_view s) {
  s = without_blanks(s);
  if (s.starts_with("<svg") || s.starts_with("<!DOCTYPE svg")) return true;
  const bool prolog = s.starts_with("<?xml") || s.starts_with("<!--");
  return prolog && (s.find("<svg") != s.npos || s.find("<!DOCTYPE svg") != s.npos);
}

ImageFormat sniff_pnm(std::string_view s) {
  if (s.size() < 4 || s[0] != 'P' || !is_space(s[2])) return unknown;
  if (s[1] == '5' || s[1] == '6') return pnm;
  const std::string_view rest = without_blanks(s.substr(2));
  const bool number = !rest.empty() && (std::isdigit(static_cast<unsigned char>(rest.front())) || rest.front() == '#');
  if (s[1] == '7') return rest.starts_with("WIDTH") || rest.starts_with("#") ? pnm_other : unknown;
  return number && (s[1] == 'f' || s[1] == 'F' || (s[1] >= '1' && s[1] <= '4')) ? pnm_other : unknown;
}

}  // namespace

ImageFormat sniff(std::span<const std::byte> bytes) {
  const std::string_view s(reinterpret_cast<const char*>(bytes.data()), std::min<std::size_t>(bytes.size(), 512));
  if (s.empty()) return empty;
  if (s.starts_with("BM") && s.size() >= 26 && s[15] == 0 && s[16] == 0) return bmp;
  for (const auto sniff_one : {sniff_riff, still_brand, sniff_pnm})
    if (const ImageFormat format = sniff_one(s); format != unknown) return format;
  for (const auto& [format, at, magic] : kSignatures)
    if (s.size() >= at && s.substr(at).starts_with(magic)) return format;
  if (looks_like_svg(s)) return svg;
  if (looks_like_html(s)) return html;
  return is_text(s) ? text : unknown;
}

const char* name_of(ImageFormat format) {
  switch (format) {
    case unknown:
      return "unknown";
    case empty:
      return "empty";
    case jpeg:
      return "JPEG";
    case png:
      return "PNG";
    case gif:
      return "GIF";
    case bmp:
      return "BMP";
    case pnm:
      return "PNM";
    case webp:
      return "WebP";
    case heif:
      return "HEIC";
    case avif:
      return "AVIF";
    case tiff:
      return "TIFF";
    case jpeg_xl:
      return "JPEG XL";
    case jpeg_2000:
      return "JPEG 2000";
    case jpeg_xr:
      return "JPEG XR";
    case jpeg_ls:
      return "JPEG-LS";
    case ico:
      return "ICO";
    case psd:
      return "PSD";
    case svg:
      return "SVG";
    case camera_raw:
      return "camera raw";
    case exr:
      return "OpenEXR";
    case hdr:
      return "Radiance HDR";
    case dds:
      return "DDS";
    case qoi:
      return "QOI";
    case pnm_other:
      return "PNM of another kind than P5 and P6";
    case xcf:
      return "XCF (GIMP)";
    case eps:
      return "EPS";
    case emf:
      return "Windows metafile";
    case dicom:
      return "DICOM";
    case pdf:
      return "PDF";
    case video:
      return "video";
    case zip:
      return "ZIP";
    case html:
      return "HTML";
    case text:
      return "text";
  }
  return "unknown";
}

bool is_web_image(ImageFormat format) { return format == jpeg || format == png || format == webp; }

}  // namespace pc::data
