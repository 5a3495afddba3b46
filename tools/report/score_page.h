// The page of an evaluation: what pceval prints, with the pictures behind it.
#pragma once

#include "tools/evaluate/score.h"
#include "tools/report/test_pass.h"

namespace pc {

// Collects what a model says of the pictures of a plan; both must outlive it.
class ScorePage {
 public:
  ScorePage(const ScorePlan& plan, const ModelInfo& info);
  // Of picture i of the plan.
  void add(std::size_t i, const Logits& logits);
  // `name` heads the page, `conditions` stands below it. Thumbnails come from `decode`. Once only. Throws Error(file).
  void write(const std::filesystem::path& path, const std::string& name, const std::string& conditions,
             const ScoreReport& report, const Decode& decode);

 private:
  const ScorePlan& plan_;
  const ModelInfo& info_;
  std::vector<TestedHead> heads_;
};

// As tested(), where several labels may be correct: truth and answer are classes, `correct` the labels of each. An
// answer that is correct for other classes only is the first of those, one that is correct for none is
// `correct.size()`.
Tested tested_by_map(uint32_t item, const std::vector<float>& logits, int32_t truth,
                     const std::vector<std::vector<int32_t>>& correct, double temperature);

}  // namespace pc
