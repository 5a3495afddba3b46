// JPEG files. Decoding checks the pixel limit and does not turn the image upright; errors begin with `name`.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "data/alpha.h"
#include "data/decode_settings.h"
#include "data/image.h"

namespace pc::data {

namespace detail {
Raster decode_jpeg(std::span<const std::byte> bytes, const std::string& name, const DecodeSettings& settings);
}  // namespace detail

struct JpegSettings {
  int quality = 90;   // 1 … 100
  bool gray = false;  // one component: the luma
};
// The image as a baseline JPEG, colors at half the resolution (4:2:0).
std::vector<std::byte> encode_jpeg(const Image& image, const JpegSettings& settings = {});

}  // namespace pc::data
