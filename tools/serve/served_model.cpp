#include "tools/serve/served_model.h"

#include <algorithm>

#include "kernels/base/parallel.h"
#include "tools/weights/read_model.h"

namespace pc::serve {

namespace {

bool is_plain(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '_' || c == '-';
}

}  // namespace

std::string model_name(const std::filesystem::path& file) {
  const std::filesystem::path folder = std::filesystem::absolute(file).parent_path().filename();
  std::string name = file.stem() == "model" && !folder.empty() ? folder.string() : file.stem().string();
  std::replace_if(
      name.begin(), name.end(), [](char c) { return !is_plain(c); }, '-');
  return name;
}

bool is_model_name(const std::string& name) {
  return name.find_first_not_of('.') != name.npos && std::all_of(name.begin(), name.end(), is_plain);
}

std::shared_ptr<ServedModel> open_model(const std::filesystem::path& file, const std::string& name,
                                        const predict::NetworkOptions& options, const std::filesystem::path& index) {
  if (options.threads > 0) set_thread_count(options.threads);
  const WeightFile bytes = weights::read_model_file(file);
  auto model = std::make_shared<ServedModel>(
      ServedModel{.name = name,
                  .predictor = {load_model(bytes, file.string()), file, predict::predictor_settings(options)},
                  .index = nullptr});
  if (!index.empty())
    model->index =
        std::make_unique<predict::EmbeddingIndex>(index, predict::backbone_id(bytes, model->predictor.info()));
  constexpr int kSide = 64;
  data::Image gray{.h = kSide, .w = kSide, .pixels = std::vector<uint8_t>(kSide * kSide * 3, 128)};
  model->predictor.predict({model->predictor.prepare(std::move(gray))});
  return model;
}

}  // namespace pc::serve
