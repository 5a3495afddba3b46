#include "tools/report/material.h"

#include <fmt/format.h>

namespace pc {

std::string Material::picture(uint32_t item) {
  return thumbnails.show(fmt::format("p{}", item), file(item), [&] { return image(item); });
}

}  // namespace pc
