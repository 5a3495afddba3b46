// mix: mixes the images of a batch in place with their partners, image i with image n - 1 - i.
//
// Outside the rectangle of pair i both images become lambda * own + (1 - lambda) * partner (mixup: Zhang et al., ICLR
// 2018); inside it they are exchanged (cutmix: Yun et al., ICCV 2019). The middle image of an odd batch is not changed.
#pragma once

#include "kernels/runtime/select.h"

namespace pc {

struct MixShape {
  int n, h, w, c;  // images of 8 channels at most
};

// lambda 1 and an empty rectangle change nothing.
struct MixPair {
  float lambda = 1;
  int32_t x = 0, y = 0, w = 0, h = 0;  // pixels
};

struct MixKernels {
  // pairs[n / 2] is on the device; pictures [n, h, w, c] of `dtype`.
  void (*apply)(const MixShape&, DType dtype, const MixPair* pairs, void* pictures);
};
extern const MixKernels mix_cpu, mix_cuda;

}  // namespace pc
