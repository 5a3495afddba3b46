// One launch over many tensors: the optimizers' kernels take a table of tensors as an argument.
//
// A block works on one piece of one tensor. The table is a kernel argument, so nothing is uploaded; if there are more
// tensors than it can hold, there is another launch.
#pragma once

#include <span>

#include "kernels/runtime/launch.cuh"

namespace pc {

// ResNet18 has 62 parameters, ResNet50 161; kernel arguments are limited to 32,764 bytes.
constexpr int kTableTensors = 128;
constexpr int kPieceThreads = 256;
constexpr int kPiece = kPieceThreads * kVecWidth;  // elements per block

template <class Tensor>
struct TensorTable {
  int count;
  unsigned first_block[kTableTensors + 1];
  bool aligned[kTableTensors];  // its arrays are 16-byte aligned
  Tensor tensor[kTableTensors];
};

// The tensor that the block works on: the last one whose first block is not after it.
template <class Tensor>
__device__ inline int tensor_of_block(const TensorTable<Tensor>& table) {
  int low = 0, high = table.count;
  while (high - low > 1) {
    const int middle = (low + high) / 2;
    if (table.first_block[middle] <= blockIdx.x)
      low = middle;
    else
      high = middle;
  }
  return low;
}

// The index of this thread's first element; it may be beyond the tensor's end.
template <class Tensor>
__device__ inline int64_t first_element(const TensorTable<Tensor>& table, int t) {
  return int64_t(blockIdx.x - table.first_block[t]) * kPiece + int64_t(threadIdx.x) * kVecWidth;
}

// Writes the 16-bit copy of a parameter, if it has one.
template <bool Aligned>
__device__ inline void store_low(void* low, DType type, int64_t i, int count, const float (&v)[kVecWidth]) {
  if (!low) return;
  if (type == DType::bf16)
    store_vec8<Aligned>(static_cast<__nv_bfloat16*>(low) + i, count, v);
  else
    store_vec8<Aligned>(static_cast<__half*>(low) + i, count, v);
}

// Throws unless every 16-bit copy is bf16 or f16.
template <class Tensor>
void check_low(const char* op, std::span<const Tensor> tensors) {
  for (const Tensor& t : tensors)
    if (t.low && t.low_type != DType::bf16 && t.low_type != DType::f16)
      fail_shape(std::string(op) + ": low is " + name_of(t.low_type) + ", expected bf16 or f16");
}

// Calls launch_table(blocks, table) for every kTableTensors tensors; `aligned` returns whether a tensor's arrays are
// 16-byte aligned.
template <class Tensor, class Aligned, class Launch>
void for_tables(std::span<const Tensor> tensors, Aligned&& aligned, Launch&& launch_table) {
  for (std::size_t begin = 0; begin < tensors.size(); begin += kTableTensors) {
    TensorTable<Tensor> table{};
    unsigned blocks = 0;
    for (std::size_t i = begin; i < tensors.size() && i < begin + kTableTensors; ++i) {
      if (tensors[i].n == 0) continue;  // a tensor without a block would hide the one before it
      table.tensor[table.count] = tensors[i];
      table.aligned[table.count] = aligned(tensors[i]);
      table.first_block[table.count++] = blocks;
      blocks += unsigned(ceil_div(tensors[i].n, kPiece));
    }
    table.first_block[table.count] = blocks;
    launch_table(blocks, table);
  }
}

}  // namespace pc
