#include "tools/report/learned.h"

#include <fmt/format.h>

#include <algorithm>

#include "kernels/base/text.h"

namespace pc::report {

std::string no_better_than_one_answer(const evaluate::HeadScore& score, const std::vector<std::string>& classes) {
  if (score.n() == 0) return "";
  const double accuracy = score.accuracy(), majority = score.majority();
  const double low = evaluate::wilson(accuracy, score.n()).low;
  if (low > majority + std::min(0.1, (1 - majority) / 2)) return "";
  int most = 0;
  for (int truth = 1; truth < score.truths(); ++truth)
    if (score.pictures(truth) > score.pictures(most)) most = truth;
  return fmt::format("{}: accuracy {:.1f} % is {} better than always answering \"{}\" ({:.1f} %)", score.name,
                     100 * accuracy,
                     accuracy <= majority ? "no"
                     : low <= majority    ? "not clearly"
                                          : "little",
                     printable(classes[std::size_t(most)]), 100 * majority);
}

}  // namespace pc::report
