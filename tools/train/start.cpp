#include "tools/train/start.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/state.h"
#include "kernels/base/error.h"
#include "kernels/base/file.h"
#include "kernels/base/logger.h"
#include "kernels/base/parallel.h"
#include "kernels/base/text.h"
#include "tools/cli/terminal.h"
#include "tools/runs/auto_config.h"
#include "tools/weights/names.h"
#include "tools/weights/weights.h"

namespace pc::train {
namespace {

// Heads of the file that tell the same labels apart under the same member names.
std::vector<std::string> shared_heads(const WeightFile& file, const ModelInfo& info, const std::string& path) {
  std::vector<std::string> prefixes;
  if (!file.metadata.contains("pc.model")) return prefixes;
  const ModelInfo there = info_from_metadata(file.metadata, path);
  for (std::size_t i = 0; i < info.heads.size(); ++i)
    for (std::size_t j = 0; j < there.heads.size(); ++j) {
      const std::string here = head_prefix(info.head_shapes(), i);
      if (info.heads[i].labels == there.heads[j].labels && here == head_prefix(there.head_shapes(), j))
        prefixes.push_back(here + ".");
    }
  return prefixes;
}

// Returns what came from where.
std::string load_backbone(Classifier& model, const ModelInfo& info, const std::string& path) {
  WeightFile file = weights::read_weights(path).file;
  weights::take_network(file);
  for (const std::string& text : file.notes) warn("model: {}: {}", path, text);
  const std::vector<std::string> kept = shared_heads(file, info, path);
  std::erase_if(file.tensors, [&](const FileTensor& t) {
    return is_head(t.name) &&
           std::none_of(kept.begin(), kept.end(), [&](const auto& prefix) { return t.name.starts_with(prefix); });
  });
  for (const FileTensor& t : file.tensors)
    if (const int64_t count = count_nonfinite(t); count > 0)
      fail(Exit::numeric, fmt::format("{}: \"{}\" holds {} values that are not finite; training cannot begin there",
                                      path, printable(t.name), count));
  LoadReport report = load_state_dict(model, file);
  std::erase_if(report.missing, is_head);
  if (!report.complete())
    fail(Exit::data, fmt::format("{}: does not fit {}: {}", path, info.architecture, describe(report)));
  return fmt::format("{} tensors from {}, {} of {} heads kept", report.loaded, path, kept.size(), info.heads.size());
}

}  // namespace

std::string fetch_advice(const std::string& architecture) {
  return fmt::format("pcdata fetch {} downloads weights trained on ImageNet and prints their path",
                     architecture.starts_with("resnet") ? architecture : "resnet18");
}

void check_weights(const runs::TrainConfig& config) {
  if (config.model.weights.empty()) return;
  const std::string path = runs::weights_file(config).string();
  if (path.find("://") != std::string::npos)
    fail(Exit::usage, fmt::format("model.weights = {}: an address; download it and name the file ({})", path,
                                  fetch_advice(config.model.architecture)));
  if (!path_exists(path))
    fail(Exit::file,
         fmt::format("model.weights = {}: no such file; {}", path, fetch_advice(config.model.architecture)));
  weights::read_weights(path);  // and again when the labels are known
}

ModelInfo model_info(const runs::TrainConfig& config, const runs::DataPlan& plan) {
  return {.architecture = config.model.architecture,
          .heads = plan.heads(),
          .preprocess = {.height = int(config.model.height),
                         .width = int(config.model.width),
                         .resize = resize_from_name(config.model.resize)},
          .split = SplitRecord{.pictures = int64_t(plan.catalog.items.size()),
                               .files = data::files_hash(plan.catalog),
                               .test = plan.test,
                               .min_counts = config.min_counts(),
                               .rare = config.data.rare}};
}

std::unique_ptr<Classifier> starting_model(const runs::TrainConfig& config, const ModelInfo& info) {
  auto model = make_classifier(info.architecture, info.head_shapes(), uint64_t(config.train.seed));
  const std::string weights = config.model.weights.empty()
                                  ? "random weights"
                                  : load_backbone(*model, info, runs::weights_file(config).string());
  note("model: {}, {} parameters, {}", info.architecture, cli::grouped(count_parameters(*model)), weights);
  note("device: {}, {}, {}", config.train.device, cli::counted(thread_count(), "thread"), config.train.precision);
  std::vector<std::string> frozen;
  for (const std::string& prefix : config.model.freeze)
    if (prefix != "backbone") frozen.push_back(prefix);
  if (frozen.size() < config.model.freeze.size())
    model->visit("", [&](const std::string& name, Var&, Role) {
      if (!is_head(name)) frozen.push_back(name);
    });
  freeze(*model, frozen);
  move_to(*model, config.device());
  return model;
}

}  // namespace pc::train
