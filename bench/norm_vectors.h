// The per-channel vectors of batch_norm and of the ops that contain it; they fit in the cache.
#pragma once

#include "bench/bench.h"

namespace pc::bench {

struct NormVectors {
  Ring gamma, beta, mean, invstd, running_mean, running_var, dgamma, dbeta;
  NormVectors(int64_t channels, Device device)
      : gamma({channels}, DType::f32, device, 1),
        beta(gamma),
        mean(gamma),
        invstd(gamma),
        running_mean(gamma),
        running_var(gamma),
        dgamma(gamma),
        dbeta(gamma) {}
};

}  // namespace pc::bench
