// Learning rate over a run: warm-up, then cosine to zero, or PyTorch's one-cycle.
#pragma once

#include <cstdint>
#include <string>

namespace pc {

struct Schedule {
  std::string kind = "one_cycle";  // one_cycle, cosine or constant
  float peak = 0.1f;
  int64_t steps = 1;      // of the whole run
  float warm_up = 0.25f;  // fraction of the steps in which the rate rises to the peak
  // The rate of step 0 … steps - 1. one_cycle (Smith & Topin, 2017): cosine up from peak / 25, cosine down to peak /
  // 250000, as torch.optim.lr_scheduler.OneCycleLR. cosine: linear up from 0, cosine down to 0.
  float at(int64_t step) const;
};

}  // namespace pc
