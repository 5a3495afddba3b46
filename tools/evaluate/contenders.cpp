#include "tools/evaluate/contenders.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "engine/safetensors.h"
#include "kernels/base/error.h"

namespace pc::evaluate {
namespace {

namespace fs = std::filesystem;

std::string chosen_head(const fs::path& path, const ModelInfo& info, const ShiftSettings& settings) {
  for (const Head& head : info.heads)
    if (head.name == settings.head || info.heads.size() == 1) return head.name;
  if (const int best = settings.map.best_head(info.heads); best >= 0 && settings.head.empty())
    return info.heads[std::size_t(best)].name;
  fail(Exit::usage, fmt::format("{} has several heads; choose one with --head: {}", path.string(),
                                fmt::join(info.head_names(), ", ")));
}

// The column of DATA that all models are scored on; "" where pictures have just one label.
std::string chosen_column(const std::vector<Contender>& models, const ShiftSettings& settings) {
  const data::DataSet data = data::open_dataset(settings.data, {});
  if (data.kind != "kaggle") return settings.label;
  if (!settings.label.empty()) return settings.label;
  const auto& there = data.catalog.columns_there;
  for (const Contender& model : models)
    if (std::find(there.begin(), there.end(), model.head) != there.end()) return model.head;
  fail(Exit::data, fmt::format("{}: no model's head is a column there; name one with --labels: {}", settings.data,
                               fmt::join(there, ", ")));
}

// A first plan of all pictures tells whether the model knows any of their labels; only then it needs a test split.
std::optional<ScorePlan> plan_for(const Contender& model, const std::string& root, ScoreSettings score) {
  const bool test_only = std::exchange(score.test_only, false);
  score.head = model.head;
  ScorePlan plan = plan_score(root, model.info, score);
  if (!plan.heads.front().scores_anything()) return std::nullopt;
  score.test_only = test_only;
  return test_only ? plan_score(root, model.info, score) : std::move(plan);
}

}  // namespace

std::vector<Contender> line_up(const ShiftSettings& settings, std::string& label) {
  std::vector<Contender> models;
  for (const std::string& path : settings.models) {
    const ModelInfo info = info_from_metadata(read_safetensors(path).metadata, path);
    models.push_back({.path = path, .info = info, .head = chosen_head(path, info, settings), .data = {}, .photos = {}});
  }
  label = chosen_column(models, settings);
  for (Contender& model : models) {
    model.data = plan_for(model, settings.data,
                          {.labels = label.empty() ? std::vector<std::string>{} : std::vector<std::string>{label},
                           .head = {},
                           .map = {},
                           .test_only = settings.test_only});
    if (!settings.photos.empty())
      model.photos = plan_for(model, settings.photos, {.labels = {}, .head = {}, .map = settings.map});
  }
  return models;
}

std::vector<std::size_t> common_items(const std::vector<Contender>& models, const std::string& root) {
  std::optional<std::vector<std::size_t>> common;
  for (const Contender& model : models) {
    if (!model.data) continue;
    const auto& items = model.data->items;
    if (!common) {
      common = items;
      continue;
    }
    std::vector<std::size_t> both;
    std::set_intersection(common->begin(), common->end(), items.begin(), items.end(), std::back_inserter(both));
    common = std::move(both);
  }
  if (!common) return {};
  if (common->empty()) fail(Exit::data, root + ": no image was held back from every model; use --split all");
  return *common;
}

std::set<std::string> common_classes(const std::vector<Contender>& models) {
  std::optional<std::set<std::string>> common;
  for (const Contender& model : models) {
    if (!model.photos) continue;
    std::set<std::string> own;
    const auto& classes = model.photos->data.catalog.classes[0];
    for (std::size_t c = 0; c < classes.size(); ++c)
      if (model.photos->heads[0].truth_of_class[c] >= 0 && (!common || common->contains(classes[c])))
        own.insert(classes[c]);
    common = std::move(own);
  }
  return common.value_or(std::set<std::string>{});
}

std::vector<std::string> unknown_labels(const std::vector<Contender>& models, const ClassMap& map) {
  std::vector<std::string> known;
  for (const Contender& model : models)
    for (const Head& head : model.info.heads)
      if (head.name == model.head) known.insert(known.end(), head.labels.begin(), head.labels.end());
  return map.unknown(known);
}

}  // namespace pc::evaluate
