#include "tools/serve/served_model.h"

#include <algorithm>

namespace pc::serve {

std::string model_name(const std::filesystem::path& file) {
  const std::filesystem::path folder = std::filesystem::absolute(file).parent_path().filename();
  std::string name = file.stem() == "model" && !folder.empty() ? folder.string() : file.stem().string();
  const auto plain = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '_' ||
           c == '-';
  };
  std::replace_if(
      name.begin(), name.end(), [&](char c) { return !plain(c); }, '-');
  return name;
}

std::shared_ptr<ServedModel> open_model(const std::filesystem::path& file, const std::string& name,
                                        const predict::NetworkOptions& options, const std::filesystem::path& index) {
  auto model = std::make_shared<ServedModel>(
      ServedModel{.name = name, .predictor = predict::open_predictor(file, options), .index = nullptr});
  if (!index.empty())
    model->index =
        std::make_unique<predict::EmbeddingIndex>(index, predict::backbone_id(file, model->predictor.info()));
  constexpr int kSide = 64;
  data::Image gray{.h = kSide, .w = kSide, .pixels = std::vector<uint8_t>(kSide * kSide * 3, 128)};
  model->predictor.predict({model->predictor.prepare(std::move(gray))});
  return model;
}

}  // namespace pc::serve
