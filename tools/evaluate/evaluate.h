// A classifier over items of a training run: its logits, and its score.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "tools/evaluate/head_score.h"
#include "tools/evaluate/labeled_logits.h"
#include "tools/runs/batches.h"

namespace pc {

using EvaluateProgress = std::function<void(int64_t done)>;

// What the model, computing as in prediction, says of every item: the logits of its place in `items` under each head.
using LogitsSink = std::function<void(std::size_t place, std::size_t head, std::span<const float> logits)>;
void for_logits(Classifier& model, const BatchMaker& batches, std::span<const uint32_t> items, int batch,
                const LogitsSink& sink, const EvaluateProgress& progress = {});

// The same with the batch maker's labels; `what` names the work in the progress bar.
LabeledLogits collect_logits(Classifier& model, const BatchMaker& batches, std::span<const uint32_t> items, int batch,
                             const char* what);

// One score per head. Labels are the batch maker's; label < 0 counts as unknown.
std::vector<HeadScore> evaluate(Classifier& model, const std::vector<HeadShape>& heads, const BatchMaker& batches,
                                std::span<const uint32_t> items, int batch, const EvaluateProgress& progress = {});

}  // namespace pc
