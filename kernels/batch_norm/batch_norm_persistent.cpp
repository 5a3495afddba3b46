// Which shapes of batch normalisation fit on a chip, and how they are cut.
#include "kernels/batch_norm/batch_norm_persistent.h"

#include <algorithm>

#include "kernels/base/math.h"

namespace pc {
namespace {

constexpr int64_t kVecWidth = 8, kWidestBlock = 32;  // vec8s side by side
constexpr int64_t kLeastSlots = 4;                   // fewer do not pay for one more part to wait for

// Sums of a block: f32 for each channel that a thread has, and one f64 a thread.
constexpr int64_t kSumsBytes = kBatchNormTileThreads * (kVecWidth * 4 + 8);

}  // namespace

std::optional<BatchNormTile> batch_norm_tile(const BatchNormShape& s, DType dtype, int tensors,
                                             const BatchNormChip& chip) {
  const int64_t vec8s = s.c / kVecWidth;
  if (s.c % kVecWidth != 0 || vec8s == 0 || s.rows < 1) return {};
  int64_t x = 1;
  while (x < kWidestBlock && x < vec8s) x *= 2;
  const int64_t y = kBatchNormTileThreads / x, columns = ceil_div(vec8s, x);
  const int64_t most = std::min(chip.multiprocessors, kBatchNormTileBlocks) / columns;
  if (most == 0) return {};
  const int64_t per_part = ceil_div(s.rows, std::min(most, ceil_div(s.rows, y * kLeastSlots)));
  const int64_t slots = ceil_div(per_part, y), vec8_bytes = kVecWidth * int64_t(size_of(dtype));
  const int64_t spilled = std::max<int64_t>(slots - batch_norm_slots_in_registers(size_of(dtype), tensors), 0);
  // Divided, not multiplied: no number of rows overflows.
  if (spilled > (chip.shared_bytes - kSumsBytes) / (kBatchNormTileThreads * vec8_bytes * tensors)) return {};
  return BatchNormTile{.x = int(x),
                       .y = int(y),
                       .columns = int(columns),
                       .parts = int(ceil_div(s.rows, per_part)),
                       .per_part = int(per_part),
                       .slots = int(slots),
                       .shared_bytes = kSumsBytes + spilled * kBatchNormTileThreads * vec8_bytes * tensors};
}

}  // namespace pc
