// Sums of squares on CUDA: a partial sum for each block, then one block adds the parts in order.
#include "kernels/runtime/launch.cuh"
#include "kernels/runtime/memory.h"
#include "kernels/sum_squares/sum_squares.h"

namespace pc {
namespace {

constexpr int kThreads = 256, kMaxBlocks = 1024;

// In f64: the square of a finite f32 must stay finite.
template <bool Aligned>
__global__ void partial_kernel(int64_t n, const float* x, double* partial) {
  __shared__ double scratch[32];
  const int64_t step = int64_t(gridDim.x) * blockDim.x * kOctet;
  double sum = 0;
  for (int64_t i = (int64_t(blockIdx.x) * blockDim.x + threadIdx.x) * kOctet; i < n; i += step) {
    float v[kOctet];
    load_octet<Aligned>(x + i, n - i < kOctet ? int(n - i) : kOctet, v);
#pragma unroll
    for (int j = 0; j < kOctet; ++j) sum += double(v[j]) * double(v[j]);
  }
  sum = block_sum(sum, scratch);
  if (threadIdx.x == 0) partial[blockIdx.x] = sum;
}

__global__ void total_kernel(int parts, const double* partial, double* total) {
  __shared__ double scratch[32];
  double sum = 0;
  for (int i = int(threadIdx.x); i < parts; i += int(blockDim.x)) sum += partial[i];
  sum = block_sum(sum, scratch);
  if (threadIdx.x == 0) *total += sum;
}

// The number of blocks depends on n alone, so that every GPU adds in the same order.
void accumulate(int64_t n, const float* x, double* sum) {
  if (n == 0) return;
  const int64_t wanted = ceil_div(n, kThreads * kOctet);
  const int blocks = int(wanted < kMaxBlocks ? wanted : kMaxBlocks);
  const Buffer partial(Device::cuda, sizeof(double) * std::size_t(blocks));
  with_flag(aligned16({x}), [&](auto aligned) {
    launch(unsigned(blocks), kThreads, partial_kernel<aligned.value>, n, x, partial.as<double>());
  });
  launch(1, kThreads, total_kernel, blocks, partial.as<double>(), sum);
}

}  // namespace

const SumSquaresKernels sum_squares_cuda{.accumulate = accumulate};

}  // namespace pc
