// The products that a convolution sums.
#pragma once

#include "kernels/conv2d/conv2d.h"

namespace pc::test {

// Calls f(index in x, index in w, index in y) for every product of the convolution.
template <class F>
void each_product(const Conv2dShape& s, F f) {
  for (int n = 0; n < s.n; ++n)
    for (int p = 0; p < s.p(); ++p)
      for (int q = 0; q < s.q(); ++q)
        for (int r = 0; r < s.r; ++r)
          for (int t = 0; t < s.s; ++t) {
            const int h = p * s.stride + r - s.pad.top, w = q * s.stride + t - s.pad.left;
            if (h < 0 || h >= s.h || w < 0 || w >= s.w) continue;
            for (int k = 0; k < s.k; ++k)
              for (int c = 0; c < s.group_c(); ++c)
                f((std::size_t(n * s.h + h) * s.w + w) * s.c + k / s.group_k() * s.group_c() + c,
                  (std::size_t(k * s.r + r) * s.s + t) * s.group_c() + c,
                  (std::size_t(n * s.p() + p) * s.q() + q) * s.k + k);
          }
}

}  // namespace pc::test
