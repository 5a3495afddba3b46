#include "data/decode_settings.h"

#include <fmt/format.h>

#include <algorithm>

#include "kernels/base/error.h"

namespace pc::data {

void detail::check_pixels(const std::string& name, int64_t w, int64_t h, const DecodeSettings& settings) {
  if (w <= 0 || h <= 0)
    fail(Exit::data, fmt::format("{}: damaged: an image of {}x{} pixels; copy or download it again", name, w, h));
  if (w > settings.max_pixels / h) {
    const double mega = double(settings.max_pixels) / 1e6;
    fail(Exit::limit, fmt::format("{}: {}x{} exceeds the limit of {:g} Mpixel", name, w, h, mega));
  }
  if (std::max(w, h) > kMaxSide)
    fail(Exit::limit, fmt::format("{}: {}x{} exceeds the limit of {} pixels per side", name, w, h, kMaxSide));
}

}  // namespace pc::data
