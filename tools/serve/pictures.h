// The pictures of a request before they are decoded, and how many pixels that may be.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "data/decode_settings.h"
#include "data/image.h"

namespace pc::serve {

constexpr int64_t kMaxPixels = 50'000'000;          // of one picture
constexpr int64_t kMaxRequestPixels = 100'000'000;  // of all pictures of a request

struct Picture {
  std::string name;
  int64_t pixels = 0;                   // that decode() may take, as the file declares; 0: it fails at once
  std::function<data::Image()> decode;  // Error as decode_web_image's
};

// A JPEG, PNG or WebP file; `owner` keeps its bytes. A file that has more pixels than its header seemed to say is
// refused when it is decoded.
Picture web_picture(std::span<const std::byte> bytes, const std::string& name, data::DecodeSettings settings,
                    std::shared_ptr<const void> owner);

// Replaces those with which a request goes beyond kMaxRequestPixels by an Error(limit): each gets an answer.
void limit_pixels(std::vector<Picture>& pictures);

// The pixels of each.
std::vector<int64_t> pixels_of(const std::vector<Picture>& pictures);

}  // namespace pc::serve
