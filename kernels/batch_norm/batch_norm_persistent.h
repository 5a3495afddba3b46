// Batch normalisation in training in one launch that reads each tensor once: every block keeps its part of the rows on
// chip, in registers and shared memory, while the blocks tell each other their sums.
//
// Forward moves x and y, in place of x, x and y; backward dy, x and dx, in place of dy, x, dy, x and dx. Where the
// tensors do not fit on chip the passes of batch_norm_cuda.cu have to do.
#pragma once

#include <optional>

#include "kernels/batch_norm/batch_norm.h"

namespace pc {

// What a GPU offers a launch with one block on each multiprocessor.
struct BatchNormChip {
  int multiprocessors;
  int shared_bytes;  // that a block may have
};

// A block has kBatchNormTileThreads threads and 128 registers for each: all that a multiprocessor has. This many of a
// thread's registers hold tensors.
constexpr int kBatchNormTileThreads = 512, kBatchNormTileRegisters = 48;

// Every GPU with at least this many multiprocessors (an H100 SXM has 132) cuts a shape in the same way, so the bits are
// the same on all of them; on a smaller one they depend on the number of multiprocessors, since otherwise it would have
// no tiles at all. On one GPU they are the same every time.
constexpr int kBatchNormTileBlocks = 128;

// How a shape is cut: block (i, j) keeps rows [j * per_part, (j + 1) * per_part) of vec8s [i * x, (i + 1) * x) of
// channels. Thread (tx, ty) keeps vec8 tx of every y-th row from ty on.
struct BatchNormTile {
  int x, y;              // of a block
  int columns, parts;    // of the grid
  int per_part;          // rows
  int slots;             // rows of a thread
  int64_t shared_bytes;  // of a block
};

// Rows of a thread that its registers hold, of each of `tensors` tensors.
constexpr int batch_norm_slots_in_registers(std::size_t element_bytes, int tensors) {
  return kBatchNormTileRegisters * 4 / (8 * int(element_bytes) * tensors);
}

// The cut for keeping 1 (forward) or 2 tensors (backward) of `dtype`; none where they do not fit, or where channels do
// not come in whole vec8s.
std::optional<BatchNormTile> batch_norm_tile(const BatchNormShape& s, DType dtype, int tensors,
                                             const BatchNormChip& chip);

// As BatchNormKernels' forward_train and backward (in training). False, and nothing done, where there is no tile or a
// pointer is not 16-byte aligned.
bool batch_norm_persistent_forward(const BatchNormShape& s, DType dtype, const BatchNormForward& a);
bool batch_norm_persistent_backward(const BatchNormShape& s, DType dtype, const BatchNormBackward& a);

}  // namespace pc
