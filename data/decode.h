// Decoding: from the bytes of a file to an Image, by the decoder of its format.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "data/decode_settings.h"
#include "data/image.h"

namespace pc::data {

// Decodes JPEG (baseline and progressive; gray, YCbCr, RGB, CMYK, YCCK as Adobe writes them), PNG (all types), still
// WebP, binary PGM and PPM, BMP and the first frame of GIF. What is transparent is composited on white (alpha.h); the
// orientation that EXIF or XMP name is applied (orientation.h). Errors begin with `name`: Error(data) "NAME: empty file",
// "NAME: JPEG is truncated", "NAME: file is HEIC, not supported; convert to JPEG or PNG", "NAME: not an image (looks
// like HTML)"; Error(limit) "NAME: 65500x65500 exceeds the limit of 100 Mpixel". Throws std::bad_alloc if memory is short.
Image decode_image(std::span<const std::byte> bytes, const std::string& name, const DecodeSettings& settings = {});

// JPEG, PNG and WebP, and no other decoder is reached: for images from untrusted senders. Errors as decode_image's, but
// Error(data) "NAME: file is GIF; send JPEG, PNG or WebP" for every other format.
Image decode_web_image(std::span<const std::byte> bytes, const std::string& name, const DecodeSettings& settings = {});

}  // namespace pc::data
