// Whether a run learned anything: its accuracy against always giving the one answer that is correct most often.
#pragma once

#include <string>
#include <vector>

#include "tools/evaluate/head_score.h"

namespace pc::report {

// "masterCategory: accuracy 41.2 % is no better than always answering "Apparel" (41.2 %)", "is not clearly better
// than" if the 95 % interval of the accuracy reaches down to that, or "is little better than" if it begins less than ten points, and less
// than half of what is left to 100 %, above it. Empty for a head that did learn, and for one
// without a picture. `classes` are the head's, whose score is without a map of classes.
std::string no_better_than_one_answer(const evaluate::HeadScore& score, const std::vector<std::string>& classes);

}  // namespace pc::report
