#include "tools/weights/read_model.h"

#include "kernels/base/error.h"
#include "kernels/base/file.h"
#include "tools/weights/not_weights.h"
#include "tools/weights/weights.h"

namespace pc::weights {

namespace {

WeightFile parse_model(const std::shared_ptr<const MappedFile>& file, const std::filesystem::path& path) {
  const std::string name = path.string();
  const auto bytes = file->bytes();
  if (looks_like_safetensors(bytes)) return parse_safetensors(bytes, file, name);
  if (looks_like_pth(bytes)) {
    parse_weights(bytes, file, path);  // refuses a zip archive of something else, a broken file
    fail(Exit::data,
         name + ": PyTorch's weights, which have no labels; train a model on them with model.weights = " + name);
  }
  fail(Exit::data, name + ": not a model file; " +
                       with_way_out(what_instead(bytes), "pctrain writes those, as runs/NAME/model.safetensors"));
}

}  // namespace

WeightFile read_model_file(const std::filesystem::path& path) {
  refuse_folder(path);
  return parse_model(MappedFile::read(path), path);
}

LoadedModel read_model(const std::filesystem::path& path) { return load_model(read_model_file(path), path.string()); }

}  // namespace pc::weights
