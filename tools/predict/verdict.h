// The verdict on a picture: what it is named, which of the names are confident, and whether a person has to look.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "models/model_file.h"

namespace pc::predict {

enum class Verdict { accepted, review, out_of_distribution };
const char* text_of(Verdict verdict);  // "accepted", "needs review", "not a product"
// What people read after the number of images with this verdict.
const char* counted_text(Verdict verdict, int64_t images);

// The label that one head names.
struct Named {
  int32_t label = -1;      // -1: none, see joint_labels()
  double p = 0;            // the head's own calibrated probability of it
  bool confident = false;  // p reaches the label's threshold, or that of a finer head does, whose label tells this one
};

// One per head. `percent`: the target precision of what is confident; nothing is where the model has no threshold for
// it.
std::vector<Named> named_labels(const ModelInfo& info, const std::vector<std::vector<float>>& logits, int percent);

// "not a product" where the model's novelty rule says so, else "accepted" where every head is confident.
Verdict verdict_of(const ModelInfo& info, const std::vector<std::vector<float>>& logits,
                   const std::vector<Named>& named);

// The labels along a chain of heads, from the coarsest one, as far as they are confident.
std::vector<std::string> confident_labels(const ModelInfo& info, const std::vector<std::size_t>& chain,
                                          const std::vector<Named>& named);

// The temperature of every head; 1 without calibration.
std::vector<double> temperatures(const ModelInfo& info);

// The percentages that the model has thresholds for, rising.
std::vector<int> precisions(const ModelInfo& info);
// `wanted`, which must be one of those, else 95. Throws Error(usage) that says what --accept-at may be.
int precision_of(const ModelInfo& info, std::optional<int> wanted);

}  // namespace pc::predict
