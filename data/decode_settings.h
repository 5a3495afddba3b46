// The limits that every decoder keeps.
#pragma once

#include <cstdint>
#include <string>

namespace pc::data {

constexpr int64_t kMaxSide = 65'535;  // pixels, what a JPEG can have; augment.h counts in f32 and stops at 2^20

struct DecodeSettings {
  int64_t max_pixels = 100'000'000;  // refused above, before any pixel is allocated
  // JPEG only: decode at 1/2, 1/4 or 1/8 as long as the short side stays >= 2 * min_side (margin for the caller's own
  // filter); 0: full size.
  int min_side = 0;
};

namespace detail {

// Error(limit) "NAME: 65500x65500 exceeds the limit of 100 Mpixel" above settings.max_pixels, "NAME: 1048576x1 exceeds
// the limit of 65535 pixels per side" above kMaxSide.
void check_pixels(const std::string& name, int64_t w, int64_t h, const DecodeSettings& settings);

}  // namespace detail
}  // namespace pc::data
