// Kernels that show what the stand-in GPU promises, and others with one fault each: machine_test.cpp runs them.
#include <cooperative_groups.h>
#include <cuda_pipeline.h>

#include "kernels/runtime/launch.cuh"
#include "tests/simt/machine_kernels.h"

namespace pc::test {

__global__ void indices_kernel(int* y) {
  const unsigned thread = threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);
  const unsigned block = blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z);
  y[block * 24 + thread] = int(block * 100 + thread);
}

__global__ void turn_kernel(int* y) {
  __shared__ int line[96];
  for (int round = 0; round < 3; ++round) {
    line[threadIdx.x] = y[threadIdx.x] + int(threadIdx.x);
    __syncthreads();
    y[threadIdx.x] = line[95 - threadIdx.x];
    __syncthreads();
  }
}

__global__ void warp_turn_kernel(int* y) {
  __shared__ int line[64];
  const unsigned warp = threadIdx.x / 32 * 32;
  line[threadIdx.x] = int(threadIdx.x);
  __syncwarp();
  const int turned = line[warp + 31 - threadIdx.x % 32];
  __syncwarp();
  line[threadIdx.x] = turned;
  y[threadIdx.x] = turned;
}

__global__ void shuffles_kernel(int* y) {
  const int lane = int(threadIdx.x),
            all[] = {__shfl_sync(0xffffffffu, lane, 5),        __shfl_sync(0xffffffffu, lane, 9, 8),
                     __shfl_up_sync(0xffffffffu, lane, 3, 16), __shfl_down_sync(0xffffffffu, lane, 2),
                     __shfl_xor_sync(0xffffffffu, lane, 24),   __shfl_xor_sync(0xffffffffu, lane, 8, 8)};
  for (int i = 0; i < 6; ++i) y[i * 32 + lane] = all[i];
}

__global__ void votes_kernel(int* y) {
  const int lane = int(threadIdx.x);
  if (lane % 2) return;
  const unsigned even = 0x55555555u;
  y[lane] = int(__ballot_sync(even, lane % 4 == 0));
  y[lane + 1] = __any_sync(even, lane == 6) * 10 + __all_sync(even, lane < 31) + __all_sync(even, lane > 1) * 100;
}

__global__ void early_read_kernel(int* y) {
  __shared__ int line[64];
  line[threadIdx.x] = 1;
  y[threadIdx.x] = line[63 - threadIdx.x];
}

__global__ void late_write_kernel(int* y) {
  __shared__ int line[64];
  line[threadIdx.x] = 1;
  __syncthreads();
  y[threadIdx.x] = line[0];
  if (threadIdx.x == 63) line[0] = 2;
}

__global__ void both_write_kernel(int* y) {
  __shared__ int one;
  one = int(threadIdx.x);
  __syncthreads();
  y[threadIdx.x] = one;
}

__global__ void blocks_kernel(int* y) { y[threadIdx.x] = 1; }

__global__ void neighbor_kernel(int* y) {
  const unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
  y[i] = y[(i + 1) % 64] + 1;
}

__global__ void absent_kernel(int* y) {
  if (threadIdx.x == 7) return;
  __syncthreads();
  y[threadIdx.x] = 1;
}

__global__ void two_barriers_kernel(int* y) {
  if (threadIdx.x < 32)
    __syncthreads();
  else
    __syncthreads();
  y[threadIdx.x] = 1;
}

__global__ void absent_lane_kernel(int* y) {
  if (threadIdx.x == 3) return;
  y[threadIdx.x] = __shfl_sync(0xffffffffu, 1, 0);
}

__global__ void outsider_kernel(int* y) { y[threadIdx.x] = __shfl_sync(0xfu, 1, 0); }

__global__ void unmasked_kernel(int* y) {
  if (threadIdx.x < 4) y[threadIdx.x] = __shfl_sync(0xfu, 1, 9);
}

__global__ void write_beyond_kernel(int* y) { y[threadIdx.x + 1] = 1; }

__global__ void read_before_kernel(int* y) { y[threadIdx.x] = y[int(threadIdx.x) - 1]; }

__global__ void copy_kernel(const int* x, int* y) { y[threadIdx.x] = __ldg(x + threadIdx.x); }

// These two hide their accesses.
__attribute__((no_sanitize_thread)) void last_kernel(int* y) { *y = int(threadIdx.x); }
__attribute__((no_sanitize_thread)) void beyond_kernel(int* y) { y[64] = 1; }

// Passes on what the adjacent block has written, twice; a line in shared memory outlives the barriers.
__global__ void ring_kernel(int* y) {
  __shared__ int line[64];
  line[threadIdx.x] = int(blockIdx.x);
  int* const all[] = {y, y + gridDim.x * 64, y + 2 * gridDim.x * 64};
  const unsigned own = blockIdx.x * 64 + threadIdx.x, next = (blockIdx.x + 1) % gridDim.x * 64 + 63 - threadIdx.x;
  all[0][own] = int(own);
  cooperative_groups::this_grid().sync();
  all[1][own] = all[0][next];
  cooperative_groups::this_grid().sync();
  all[2][own] = all[1][next] + 1000 * line[63 - threadIdx.x];
}

__global__ void broken_ring_kernel(int* y) {
  y[blockIdx.x] = 1;
  if (gridDim.x > 99) cooperative_groups::this_grid().sync();
  y[blockIdx.x + gridDim.x] = y[(blockIdx.x + 1) % gridDim.x];
}

__global__ void absent_block_kernel(int* y) {
  if (blockIdx.x == 2) return;
  cooperative_groups::this_grid().sync();
  y[blockIdx.x * 64 + threadIdx.x] = 1;
}

__global__ void absent_from_grid_kernel(int* y) {
  if (threadIdx.x == 5) return;
  cooperative_groups::this_grid().sync();
  y[blockIdx.x * 64 + threadIdx.x] = 1;
}

__global__ void two_grid_barriers_kernel(int* y) {
  if (blockIdx.x < 2)
    cooperative_groups::this_grid().sync();
  else
    cooperative_groups::this_grid().sync();
  y[blockIdx.x * 64 + threadIdx.x] = 1;
}

// Turns x round by way of dynamic shared memory, 16 bytes a thread.
__device__ void turn_by_copies(int* y, bool waits, unsigned to) {
  uint4* const line = reinterpret_cast<uint4*>(dynamic_shared());
  uint4* const all = reinterpret_cast<uint4*>(y);
  __pipeline_memcpy_async(line + to, all + threadIdx.x, sizeof(uint4));
  __pipeline_commit();
  if (waits) __pipeline_wait_prior(0);
  __syncthreads();
  all[threadIdx.x] = line[blockDim.x - 1 - threadIdx.x];
}

__global__ void copies_kernel(int* y) { turn_by_copies(y, true, threadIdx.x); }
__global__ void impatient_kernel(int* y) { turn_by_copies(y, false, threadIdx.x); }
__global__ void copies_beyond_kernel(int* y) { turn_by_copies(y, true, threadIdx.x + 1); }

__global__ void crooked_kernel(int* y) { *reinterpret_cast<Vec8<int>*>(y + 1) = {}; }
__global__ void index_kernel(int* y) {
  __shared__ int line[32];
  line[threadIdx.x] = 1;
  y[threadIdx.x] = line[threadIdx.x];
}

}  // namespace pc::test
