// The tiling of the persistent batch norm kernels, for shapes that fit on chip.
#include "kernels/batch_norm/batch_norm_persistent.h"

#include <algorithm>

#include "kernels/base/math.h"

namespace pc {
namespace {

constexpr int64_t kVecWidth = 8, kWidestBlock = 32;  // vec8s along x
constexpr int64_t kLeastSlots = 4;                   // with fewer, another part costs more waiting than it saves

// sizeof(BatchNormTileSums): per thread, an f32 for each of its channels, and one f64.
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
  // A division instead of a product: cannot overflow for any number of rows.
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
