#include "tools/weights/read_model.h"

#include "kernels/base/error.h"
#include "kernels/base/file.h"
#include "tools/weights/not_weights.h"
#include "tools/weights/weights.h"

namespace pc::weights {

namespace {

WeightFile parse_model(const std::shared_ptr<const MappedFile>& mapped, const std::filesystem::path& path) {
  const std::string name = path.string();
  const auto bytes = mapped->bytes();
  if (looks_like_safetensors(bytes)) return parse_safetensors(bytes, mapped, name);
  if (looks_like_pth(bytes)) {
    parse_weights(bytes, mapped, path);  // refuses a zip archive of something else, a broken file
    fail(Exit::data,
         name + ": PyTorch's weights, which have no labels; train a model on them with model.weights = " + name);
  }
  const std::string what = what_instead(bytes);
  fail(Exit::data,
       name + ": not a model file; " + (what.empty() ? "pctrain writes those, as runs/NAME/model.safetensors" : what));
}

}  // namespace

LoadedModel read_model(const std::filesystem::path& path) {
  refuse_folder(path);
  return load_model(read_mapped(path, [&](const auto& mapped) { return parse_model(mapped, path); }), path.string());
}

}  // namespace pc::weights
