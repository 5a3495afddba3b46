#include "tools/serve/pictures.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "data/decode.h"
#include "data/image_info.h"
#include "kernels/base/error.h"

namespace pc::serve {

Picture web_picture(std::span<const std::byte> bytes, const std::string& name, data::DecodeSettings settings,
                    std::shared_ptr<const void> owner) {
  settings.max_pixels = std::min(settings.max_pixels, kMaxPixels);
  const data::ImageInfo info = data::image_info(bytes);
  int64_t pixels = 0;
  if (data::is_web_image(info.format)) {
    const bool known = info.h > 0 && info.w > 0;  // else it may be as large as any
    const bool refused = known && info.h > settings.max_pixels / info.w;
    pixels = refused ? 0 : known ? info.h * info.w : settings.max_pixels;
    if (!refused) settings.max_pixels = pixels;
  }
  return {.name = name, .pixels = pixels, .decode = [bytes, name, settings, owner = std::move(owner)] {
            return data::decode_web_image(bytes, name, settings);
          }};
}

void limit_pixels(std::vector<Picture>& pictures) {
  int64_t sum = 0;
  for (Picture& picture : pictures) {
    if (sum + picture.pixels <= kMaxRequestPixels) {
      sum += picture.pixels;
      continue;
    }
    picture = {.name = picture.name, .decode = [name = picture.name]() -> data::Image {
                 fail(Exit::limit,
                      fmt::format("{}: the images of the request exceed {} Mpixel together; send them one by one", name,
                                  kMaxRequestPixels / 1'000'000));
               }};
  }
}

std::vector<int64_t> pixels_of(const std::vector<Picture>& pictures) {
  std::vector<int64_t> pixels;
  for (const Picture& picture : pictures) pixels.push_back(picture.pixels);
  return pixels;
}

}  // namespace pc::serve
