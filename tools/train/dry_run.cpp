#include "tools/train/dry_run.h"

#include <fmt/format.h>

#include <cmath>

namespace pc::train {

void describe(const runs::TrainConfig& config, const ModelInfo& info, Learner& learner,
              const std::vector<Var>& losses) {
  const Preprocess& p = info.preprocess;
  fmt::print("input       [{}, {}, {}, 3] {} on {}\n", config.train.batch, p.height, p.width, config.train.precision,
             config.train.device);
  fmt::print("model       {}, {} parameters\n", info.architecture, count_parameters(learner.model()));
  learner.model().visit("", [](const std::string& name, Var& value, Role role) {
    if (role == Role::parameter) fmt::print("  {:<32} {}\n", name, to_string(value.shape()));
  });
  fmt::print("activations of the parts that train\n");
  for (const Record& s : records(losses))
    fmt::print("  {:<16} {:<20} {:<5} {:8.2f} MiB\n", s.op, to_string(s.shape), name_of(s.dtype),
               double(element_count(s.shape)) * double(size_of(s.dtype)) / (1 << 20));
  for (const Head& head : info.heads)
    fmt::print("head        {}: logits [{}, {}]\n", head.name, config.train.batch, head.labels.size());
  fmt::print("steps       {} epochs of {}\n", config.train.epochs, learner.steps_per_epoch());
  for (std::size_t h = 0; h < info.heads.size(); ++h)
    fmt::print("first loss  {}: {:.4f} (ln classes = {:.4f})\n", info.heads[h].name, losses[h].value().item(),
               std::log(double(info.heads[h].labels.size())));
}

}  // namespace pc::train
