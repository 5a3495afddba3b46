#include "models/model_file.h"

#include <nlohmann/json.hpp>

#include "engine/state.h"
#include "kernels/base/error.h"

namespace pc {
namespace {

using nlohmann::json;

constexpr const char* kSelfTest = "pc.self_test";

std::optional<SelfTest> self_test_of(const WeightFile& file, const ModelInfo& info, const std::string& path) {
  const auto found = file.metadata.find(kSelfTest);
  if (found == file.metadata.end()) return std::nullopt;
  try {
    return self_test_from_json(json::parse(found->second), info.head_shapes());
  } catch (const std::exception& e) {
    fail(Exit::data, path + ": broken self-test: " + e.what());
  }
}

}  // namespace

void save_model(const std::filesystem::path& path, const ModelInfo& info, Classifier& model) {
  std::map<std::string, std::string> metadata = to_metadata(info);
  if (const auto test = make_self_test(info.preprocess, model))
    metadata[kSelfTest] = to_json(*test, info.head_shapes()).dump();
  save_state(path, model, metadata);
}

LoadedModel load_model(const WeightFile& file, const std::string& path) {
  LoadedModel loaded{.info = info_from_metadata(file.metadata, path), .model = nullptr, .self_test = std::nullopt};
  loaded.self_test = self_test_of(file, loaded.info, path);
  loaded.model = make_classifier(loaded.info.architecture, loaded.info.head_shapes(), std::nullopt);
  load_strict(*loaded.model, file, path);
  return loaded;
}

LoadedModel load_model(const std::filesystem::path& path) { return load_model(read_safetensors(path), path.string()); }

}  // namespace pc
