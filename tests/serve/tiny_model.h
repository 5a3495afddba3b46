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

}  // namespace pc::serve
