// Which decoder gets a file.
#include "data/decode.h"

#include <fmt/format.h>

#include <utility>

#include "data/alpha.h"
#include "data/bmp.h"
#include "data/gif.h"
#include "data/image_format.h"
#include "data/jpeg.h"
#include "data/orientation.h"
#include "data/png.h"
#include "data/pnm.h"
#include "data/webp.h"
#include "kernels/base/error.h"

namespace pc::data {

Image decode_web_image(std::span<const std::byte> bytes, const std::string& name, const DecodeSettings& settings) {
  const ImageFormat format = sniff(bytes);
  const auto upright = [&](detail::Raster raster) {
    return detail::orient(detail::on_white(std::move(raster)), detail::image_orientation(bytes, format));
  };
  switch (format) {
    case ImageFormat::jpeg:
      return upright(detail::decode_jpeg(bytes, name, settings));
    case ImageFormat::png:
      return upright(detail::decode_png(bytes, name, settings));
    case ImageFormat::webp:
      return upright(detail::decode_webp(bytes, name, settings));
    case ImageFormat::empty:
      fail(Exit::data, name + ": empty file; copy or download it again");
    case ImageFormat::unknown:
      fail(Exit::data, name + ": not an image of a known format; convert it to JPEG or PNG");
    case ImageFormat::html:
    case ImageFormat::text:
      fail(Exit::data,
           fmt::format("{}: not an image (looks like {}); expected JPEG, PNG or WebP", name, name_of(format)));
    default:
      fail(Exit::data, fmt::format("{}: file is {}; send JPEG, PNG or WebP", name, name_of(format)));
  }
}

Image decode_image(std::span<const std::byte> bytes, const std::string& name, const DecodeSettings& settings) {
  switch (const ImageFormat format = sniff(bytes)) {
    case ImageFormat::pnm:
      return detail::on_white(detail::decode_pnm(bytes, name, settings));
    case ImageFormat::gif:
      return detail::on_white(detail::decode_gif(bytes, name, settings));
    case ImageFormat::bmp:
      return detail::on_white(detail::decode_bmp(bytes, name, settings));
    case ImageFormat::jpeg:
    case ImageFormat::png:
    case ImageFormat::webp:
    case ImageFormat::empty:
    case ImageFormat::unknown:
    case ImageFormat::html:
    case ImageFormat::text:
      return decode_web_image(bytes, name, settings);
    default:
      fail(Exit::data, fmt::format("{}: file is {}, not supported; convert to JPEG or PNG", name, name_of(format)));
  }
}

}  // namespace pc::data
