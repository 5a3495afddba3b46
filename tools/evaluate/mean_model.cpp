#include "tools/evaluate/mean_model.h"

#include <fmt/format.h>

#include "engine/weight_average.h"
#include "kernels/base/error.h"
#include "tools/weights/read_model.h"

namespace pc::evaluate {
namespace {

void check_same(const ModelInfo& a, const ModelInfo& b, const std::string& path) {
  const Preprocess &p = a.preprocess, &q = b.preprocess;
  if (a.architecture != b.architecture)
    fail(Exit::data, fmt::format("{}: is a {}, the first model a {}; only models of one architecture have a mean", path,
                                 b.architecture, a.architecture));
  if (a.heads.size() != b.heads.size())
    fail(Exit::data, fmt::format("{}: has {} heads, the first model {}", path, b.heads.size(), a.heads.size()));
  for (std::size_t h = 0; h < a.heads.size(); ++h)
    if (a.heads[h].name != b.heads[h].name || a.heads[h].labels != b.heads[h].labels)
      fail(Exit::data, fmt::format("{}: head {} does not tell the labels of the first model's {} apart", path,
                                   b.heads[h].name, a.heads[h].name));
  if (p.height != q.height || p.width != q.width || p.resize != q.resize || p.mean != q.mean || p.std != q.std ||
      p.fill != q.fill)
    fail(Exit::data, path + ": prepares its images in another way than the first model");
}

// Whose test pictures are the same keeps them.
bool same_split(const std::optional<SplitRecord>& a, const std::optional<SplitRecord>& b) {
  return a && b && a->files == b->files && a->test == b->test && a->min_counts == b->min_counts && a->rare == b->rare;
}

}  // namespace

LoadedModel mean_model(const std::vector<std::string>& paths, const std::vector<double>& weights) {
  LoadedModel mean = weights::read_model(paths.front());
  double total = weights.front();
  for (std::size_t i = 1; i < paths.size(); ++i) {
    const LoadedModel next = weights::read_model(paths[i]);
    check_same(mean.info, next.info, paths[i]);
    if (!same_split(mean.info.split, next.info.split)) mean.info.split.reset();
    total += weights[i];
    if (weights[i] > 0) average_members(*next.model, *mean.model, float(weights[i] / total));
  }
  mean.info.calibration.reset();
  mean.self_test.reset();
  return mean;
}

LoadedModel mean_model(const std::vector<std::string>& paths) {
  return mean_model(paths, std::vector<double>(paths.size(), 1));
}

}  // namespace pc::evaluate
