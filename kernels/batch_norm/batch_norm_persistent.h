// Batch normalization in training, in one launch that reads each tensor once: every block keeps its part of the rows on
// chip, in registers and shared memory, while the blocks exchange their sums.
//
// Memory traffic: forward reads x and writes y, where the passes of batch_norm_cuda.cu read x twice; backward reads dy
// and x and writes dx, where they read dy and x twice. Tensors that do not fit on chip take those passes.
#pragma once

#include <optional>

#include "kernels/batch_norm/batch_norm.h"

namespace pc {

// The resources of a GPU for a launch with one block per multiprocessor.
struct BatchNormChip {
  int multiprocessors;
  int shared_bytes;  // most per block
};

// A block has kBatchNormTileThreads threads with 128 registers each: all registers of a multiprocessor.
// kBatchNormTileRegisters of a thread's registers hold tensor elements.
constexpr int kBatchNormTileThreads = 512, kBatchNormTileRegisters = 48;

// Every GPU with at least this many multiprocessors (an H100 SXM has 132) gets the same tiling for a shape, and
// therefore the same bits; on a smaller GPU the tiling, and the bits, depend on the number of multiprocessors. On one
// GPU the bits are the same every time.
constexpr int kBatchNormTileBlocks = 128;

// The tiling of a shape: block (i, j) keeps rows [j * per_part, (j + 1) * per_part) of the channel vec8s
// [i * x, (i + 1) * x). Thread (tx, ty) keeps vec8 tx of rows ty, ty + y, ty + 2 * y, ...
struct BatchNormTile {
  int x, y;              // block size in threads
  int columns, parts;    // grid size in blocks
  int per_part;          // rows per part
  int slots;             // rows per thread
  int64_t shared_bytes;  // per block
};

// How many rows of each of `tensors` tensors a thread holds in registers.
constexpr int batch_norm_slots_in_registers(std::size_t element_bytes, int tensors) {
  return kBatchNormTileRegisters * 4 / (8 * int(element_bytes) * tensors);
}

// The tiling that keeps 1 (forward) or 2 tensors (backward) of `dtype` on chip; none if they do not fit, or if c is not
// a multiple of kVecWidth.
std::optional<BatchNormTile> batch_norm_tile(const BatchNormShape& s, DType dtype, int tensors,
                                             const BatchNormChip& chip);

// As BatchNormKernels' forward_train and backward (in training). Returns false, and does nothing, if there is no tiling
// or a pointer is not 16-byte aligned.
bool batch_norm_persistent_forward(const BatchNormShape& s, DType dtype, const BatchNormForward& a);
bool batch_norm_persistent_backward(const BatchNormShape& s, DType dtype, const BatchNormBackward& a);

}  // namespace pc
