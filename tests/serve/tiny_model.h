// A model that is opened in no time.
#pragma once

#include <string>

#include "models/model_file.h"
#include "tests/support.h"
#include "tools/serve/served_model.h"

namespace pc::serve {

// Saved in the folder, and opened under the name of its seed.
inline std::shared_ptr<ServedModel> tiny_model(const test::TemporaryFolder& folder, uint64_t seed) {
  ModelInfo info;
  info.architecture = "smallcnn";
  info.heads = {{"kind", {"a", "b", "c"}}};
  info.preprocess = {.height = 16, .width = 16};
  const std::filesystem::path file = folder / (std::to_string(seed) + ".safetensors");
  save_model(file, info, *make_classifier(info.architecture, info.head_shapes(), seed));
  return open_model(file, std::to_string(seed), {});
}

// What it takes as it is; another one for each seed.
inline data::Image tiny_image(int seed) {
  data::Image image{.h = 16, .w = 16, .pixels = std::vector<uint8_t>(16 * 16 * 3)};
  for (std::size_t i = 0; i < image.pixels.size(); ++i) image.pixels[i] = uint8_t(i * std::size_t(seed + 3));
  return image;
}

}  // namespace pc::serve
