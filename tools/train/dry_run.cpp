#include "tools/train/dry_run.h"

#include <fmt/format.h>

#include <cmath>

namespace pc::train {

void describe(const runs::TrainConfig& config, const ModelInfo& info, Learner& learner,
              const std::vector<Var>& losses) {
  const Preprocess& p = info.preprocess;
  fmt::print("input       [{}, {}, {}, 3] {} on {}\n", config.train.batch, p.height, p.width, config.train.precision,
             config.train.device);
  const int64_t parameters = count_parameters(learner.model());
  fmt::print("model       {}, {} parameters, {:.1f} MiB\n", info.architecture, parameters,
             double(parameters) * sizeof(float) / (1 << 20));
  double bytes = 0;
  const auto kept = records(losses);
  for (const Record& s : kept) bytes += double(element_count(s.shape)) * double(size_of(s.dtype));
  fmt::print("activations {} tensors of the parts that train, {:.1f} MiB\n", kept.size(), bytes / (1 << 20));
  for (const Head& head : info.heads)
    fmt::print("head        {}: logits [{}, {}]\n", head.name, config.train.batch, head.labels.size());
  fmt::print("steps       {} epochs of {}\n", config.train.epochs, learner.steps_per_epoch());
  for (std::size_t h = 0; h < info.heads.size(); ++h)
    fmt::print("first loss  {}: {:.4f} (ln classes = {:.4f})\n", info.heads[h].name, losses[h].value().item(),
               std::log(double(info.heads[h].labels.size())));
}

}  // namespace pc::train
