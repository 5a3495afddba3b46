// The weight gradient of conv2d on the CPU.
#include <algorithm>

#include "kernels/conv2d/conv2d_cpu.h"
#include "kernels/runtime/parallel.h"

namespace pc::conv2d {

void weight_gradient(const Conv2dShape& s, const float* x, const float* dy, float* dw) {
  parallel_for(s.k, 1, [&](int64_t begin, int64_t end) {
    for (int64_t k = begin; k < end; ++k) {
      float* row = dw + k * s.r * s.s * s.c;
      std::fill_n(row, s.r * s.s * s.c, 0.0f);
      for (int64_t np = 0; np < int64_t(s.n) * s.p(); ++np)
        for (int q = 0; q < s.q(); ++q) {
          const float g = dy[(np * s.q() + q) * s.k + k];
          for (int r = 0; r < s.r; ++r) {
            const int h = int(np % s.p()) * s.stride + r - s.pad;
            if (h < 0 || h >= s.h) continue;
            for (int t = 0; t < s.s; ++t) {
              const int w = q * s.stride + t - s.pad;
              if (w < 0 || w >= s.w) continue;
              const float* pixel = x + ((np / s.p() * s.h + h) * s.w + w) * s.c;
              for (int c = 0; c < s.c; ++c) row[(r * s.s + t) * s.c + c] += g * pixel[c];
            }
          }
        }
    }
  });
}

}  // namespace pc::conv2d
