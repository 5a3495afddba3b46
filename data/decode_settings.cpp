#include "data/decode_settings.h"

#include <fmt/format.h>

#include "kernels/base/error.h"

namespace pc {

void detail::check_pixels(const std::string& name, int64_t w, int64_t h, const DecodeSettings& settings) {
  if (w <= 0 || h <= 0) fail(Exit::data, fmt::format("{}: picture of {}x{} pixels", name, w, h));
  if (w > settings.max_pixels / h) {
    const double mega = double(settings.max_pixels) / 1e6;
    fail(Exit::limit, fmt::format("{}: {}x{} exceeds the limit of {:g} Mpixel", name, w, h, mega));
  }
}

}  // namespace pc
