// dropout: y = x * f, f = 0 with probability p and 1 / (1 - p) otherwise, drawn for every element; drop_path draws it once
// per image (stochastic depth). dx = dy * f: the same call with dy for x, which draws the same factors again, so that no
// mask is stored.
//
// A factor depends on the seed, the epoch, the layer, the image's number and the element's place in the image alone: not
// on the batch that the image is in, nor on threads or device. All but the layer lie in device memory, so that a recorded
// step draws again.
// Srivastava et al., "Dropout", JMLR 2014; Huang et al., "Deep Networks with Stochastic Depth", ECCV 2016.
#pragma once

#include "kernels/base/random.h"
#include "kernels/runtime/select.h"

namespace pc {

// What the factors of a batch depend on: this, then n image numbers (uint64_t, below 2^32).
struct DropoutBatch {
  uint64_t seed, epoch;
};

struct DropoutShape {
  int64_t n, elements;  // images, and the elements of one
  float p;              // in [0, 1)
  uint16_t layer;       // distinguishes the ops of a network
  bool whole_image;     // drop_path
};

// Four factors: those of the elements 4 i … 4 i + 3 of an image; with whole_image the image's is the first of i = 0.
struct DropoutFactors {
  float value[4];
};
PC_HD inline DropoutFactors dropout_factors(const DropoutShape& s, const DropoutBatch& batch, uint64_t image,
                                            int64_t i) {
  // engine/augmentation.cpp has the purposes below 4.
  const Philox random = philox(batch.seed, uint64_t(4) << 48 | uint64_t(s.layer) << 32 | uint32_t(batch.epoch),
                               image << 32 | uint64_t(i));
  const float kept = 1 / (1 - s.p);
  DropoutFactors f;
  for (int j = 0; j < 4; ++j) f.value[j] = uniform(random.word[j]) < s.p ? 0.0f : kept;
  return f;
}

struct DropoutKernels {
  // x, y of `dtype` (f32, bf16; f16 on CUDA), [n, elements].
  void (*apply)(const DropoutShape&, DType, const DropoutBatch* batch, const void* x, void* y);
};
extern const DropoutKernels dropout_cpu, dropout_cuda;

}  // namespace pc
