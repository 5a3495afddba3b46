// Fills cross_entropy_cpu: a row is one softmax, its loss in f64; the rows are added in order.
#include <cmath>
#include <vector>

#include "kernels/base/error.h"
#include "kernels/base/parallel.h"
#include "kernels/cross_entropy/cross_entropy.h"
#include "kernels/runtime/simd.h"

namespace pc {
namespace {

// Rows per block: about 2048 exponentials.
int64_t grain(const CrossEntropyShape& shape) { return std::max(1, 2048 / shape.classes); }

// The row's targets after smoothing: `even` for every class, and more for a and b; and how much the row counts.
struct RowTarget {
  int a, b;
  float on_a, on_b, even, weight;
};

RowTarget target_of(const CrossEntropyShape& shape, const MixedTarget& target, int64_t i) {
  const float lambda = target.lambda ? target.lambda[i] : 1.0f, kept = 1 - shape.smoothing;
  // With lambda 1 nobody reads b, so it may hold anything.
  const int a = target.a[i], b = lambda == 1 ? a : target.b[i];
  if (a >= shape.classes || b < 0 || b >= shape.classes)
    fail_shape("cross_entropy: row " + std::to_string(i) + " has targets " + std::to_string(a) + ", " +
               std::to_string(b) + " of " + std::to_string(shape.classes) + " classes");
  const float* v = target.class_weight;
  return {.a = a,
          .b = b,
          .on_a = kept * lambda,
          .on_b = kept * (1 - lambda),
          .even = shape.smoothing / float(shape.classes),
          .weight = v ? lambda * v[a] + (1 - lambda) * v[b] : 1.0f};
}

// The row's loss times its weight; dx, unless null, gets weight * (softmax - target) / total.
double row_loss(int classes, const float* x, const RowTarget& t, float total_weight, float* dx) {
  float top = x[0];
  for (int c = 1; c < classes; ++c) top = x[c] > top ? x[c] : top;
  double sum = 0, total = 0;
  for (int c = 0; c < classes; ++c) {
    const float e = std::exp(x[c] - top);
    if (dx) dx[c] = e;
    sum += double(e);
    total += double(x[c] - top);
  }
  const double log_sum = std::log(sum);
  // A weight of 0 must not meet an infinite logarithm.
  double loss = double(t.on_a) * (log_sum - double(x[t.a] - top));
  if (t.on_b > 0) loss += double(t.on_b) * (log_sum - double(x[t.b] - top));
  if (t.even > 0) loss += double(t.even) * (classes * log_sum - total);
  loss *= double(t.weight);
  if (!dx) return loss;
  const float inverse = float(1 / sum), per_row = t.weight / total_weight;
  for (int c = 0; c < classes; ++c) dx[c] = (dx[c] * inverse - t.even) * per_row;
  dx[t.a] -= t.on_a * per_row;
  dx[t.b] -= t.on_b * per_row;
  return loss;
}

void forward(const CrossEntropyShape& shape, const float* logits, const MixedTarget& target, float* loss,
             float* dlogits) {
  double total = 0;
  for (int64_t i = 0; i < shape.n; ++i)
    if (target.a[i] >= 0) total += double(target_of(shape, target, i).weight);
  std::vector<double> losses(std::size_t(shape.n), 0.0);
  parallel_for(shape.n, grain(shape), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      float* dx = dlogits ? dlogits + i * shape.classes : nullptr;
      if (target.a[i] >= 0)
        losses[std::size_t(i)] =
            row_loss(shape.classes, logits + i * shape.classes, target_of(shape, target, i), float(total), dx);
      else if (dx)
        std::fill_n(dx, shape.classes, 0.0f);
    }
  });
  double sum = 0;
  for (double row : losses) sum += row;
  *loss = total > 0 ? float(sum / total) : 0.0f;
}

void backward(const CrossEntropyShape& shape, const float* dloss, float* dlogits) {
  if (*dloss == 1) return;
  const simd::f32x scale = simd::splat(*dloss);
  parallel_for(int64_t(shape.n) * shape.classes, kElementGrain, [&](int64_t begin, int64_t end) {
    simd::for_lanes(begin, end, [&](int64_t i, auto lanes) {
      simd::store(dlogits + i, simd::load(dlogits + i, lanes) * scale, lanes);
    });
  });
}

}  // namespace

const CrossEntropyKernels cross_entropy_cpu{.forward = forward, .backward = backward};

}  // namespace pc
