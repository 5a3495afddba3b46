// The simulated GPU itself: the guarantees that it gives to kernels, and that it detects every kind of fault.
#include <gtest/gtest.h>

#include <numeric>
#include <stdexcept>

#include "kernels/runtime/launch.cuh"
#include "kernels/runtime/memory.h"
#include "tests/simt/machine_kernels.h"

namespace pc::test {
namespace {

using Ints = std::vector<int>;

Ints read(const Buffer& buffer) {
  Ints host(buffer.bytes() / sizeof(int));
  memory_cuda.copy_out(host.data(), buffer.data(), buffer.bytes());
  return host;
}

Buffer zeros(std::size_t count) {
  Buffer buffer(Device::cuda, count * sizeof(int));
  memory_cuda.zero(buffer.data(), buffer.bytes());
  return buffer;
}

// Runs the kernel on an array of zeros.
Ints run(dim3 grid, dim3 block, void (*kernel)(int*), std::size_t count) {
  const Buffer y = zeros(count);
  launch(grid, block, kernel, y.as<int>());
  return read(y);
}

// The same in a cooperative launch, from the numbers 0, 1, 2 ...
Ints run_together(dim3 grid, dim3 block, std::size_t shared_bytes, void (*kernel)(int*), std::size_t count) {
  Ints numbers(count);
  std::iota(numbers.begin(), numbers.end(), 0);
  const Buffer y = zeros(count);
  memory_cuda.copy_in(y.data(), numbers.data(), y.bytes());
  launch_cooperative(grid, block, shared_bytes, kernel, y.as<int>());
  return read(y);
}

// The message of the fault that a run ends in.
template <class Run>
std::string message_of(const Run& run) {
  try {
    run();
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "no fault";
}

std::string fault_of(dim3 grid, dim3 block, void (*kernel)(int*), std::size_t count = 64) {
  return message_of([&] { run(grid, block, kernel, count); });
}

std::string fault_together(dim3 grid, dim3 block, std::size_t shared_bytes, void (*kernel)(int*)) {
  return message_of([&] { run_together(grid, block, shared_bytes, kernel, 1024); });
}

#define EXPECT_FAULT(text, expected) EXPECT_PRED_FORMAT2(testing::IsSubstring, expected, text)

// What it promises.

TEST(SimtMachine, EveryThreadRunsOnce) {
  const Ints y = run({5, 3, 2}, {4, 3, 2}, indices_kernel, 30 * 24);
  for (std::size_t i = 0; i < y.size(); ++i) ASSERT_EQ(y[i], int(i / 24 * 100 + i % 24));
}

TEST(SimtMachine, BarriersOrderSharedMemory) {
  const Ints y = run(1, 96, turn_kernel, 96);
  for (int i = 0; i < 96; ++i) ASSERT_EQ(y[std::size_t(i)], 95 - i + i + 95 - i);
}

TEST(SimtMachine, WarpBarriersOrderSharedMemory) {
  const Ints y = run(1, 64, warp_turn_kernel, 64);
  for (int i = 0; i < 64; ++i) ASSERT_EQ(y[std::size_t(i)], i / 32 * 32 + 31 - i % 32);
}

TEST(SimtMachine, ShufflesReadTheLanesThatCudaNames) {
  const Ints y = run(1, 32, shuffles_kernel, 6 * 32);
  for (int lane = 0; lane < 32; ++lane) {
    const auto got = [&](int i) { return y[std::size_t(i * 32 + lane)]; };
    EXPECT_EQ(got(0), 5);
    EXPECT_EQ(got(1), lane / 8 * 8 + 1) << "9 wraps round in groups of 8";
    EXPECT_EQ(got(2), lane % 16 < 3 ? lane : lane - 3);
    EXPECT_EQ(got(3), lane < 30 ? lane + 2 : lane);
    EXPECT_EQ(got(4), lane ^ 24);
    EXPECT_EQ(got(5), lane % 16 < 8 ? lane : lane - 8) << "an earlier group may be read, a later one not";
  }
}

TEST(SimtMachine, LanesVote) {
  const Ints y = run(1, 32, votes_kernel, 32);
  for (std::size_t i = 0; i < 32; i += 2) {
    EXPECT_EQ(y[i], 0x11111111);
    EXPECT_EQ(y[i + 1], 11);
  }
}

TEST(SimtMachine, GridBarriersOrderBlocks) {
  const Ints y = run_together(5, 64, 0, ring_kernel, 3 * 5 * 64);
  for (int block = 0; block < 5; ++block)
    for (int thread = 0; thread < 64; ++thread)
      ASSERT_EQ(y[std::size_t((2 * 5 + block) * 64 + thread)], (block + 2) % 5 * 64 + thread + 1000 * block);
}

TEST(SimtMachine, CopiesToDynamicSharedMemory) {
  const Ints y = run_together(1, 64, 1024, copies_kernel, 256);
  for (int i = 0; i < 256; ++i) ASSERT_EQ(y[std::size_t(i)], (63 - i / 4) * 4 + i % 4);
}

// What it sees.

TEST(SimtMachine, SeesAMissingBarrier) {
  EXPECT_FAULT(fault_of(1, 64, early_read_kernel), "reads shared memory that no thread has written");
  EXPECT_FAULT(fault_of(1, 64, late_write_kernel),
               "writes shared memory that thread 0 of block 0 reads, without a barrier");
  EXPECT_FAULT(fault_of(1, 64, both_write_kernel), "writes, without a barrier between");
}

TEST(SimtMachine, SeesRacesInGlobalMemory) {
  EXPECT_FAULT(fault_of(2, 32, blocks_kernel), "of block 0 writes, without a barrier between");
  EXPECT_FAULT(fault_of(1, 64, neighbor_kernel), "without a barrier between");
  EXPECT_FAULT(fault_of(64, 1, neighbor_kernel), "without a barrier between");
}

TEST(SimtMachine, SeesThreadsThatWaitForEver) {
  EXPECT_FAULT(fault_of(1, 64, absent_kernel), "(7, 0, 0) has ended");
  EXPECT_FAULT(fault_of(1, 64, two_barriers_kernel), "(32, 0, 0) waits at");
  EXPECT_FAULT(fault_of(1, 64, absent_lane_kernel), "(3, 0, 0) has ended");
}

TEST(SimtMachine, SeesWhatIsWrongBetweenBlocks) {
  EXPECT_FAULT(fault_together(3, 1, 0, broken_ring_kernel), "without a barrier between");
  EXPECT_FAULT(fault_together(4, 64, 0, absent_block_kernel), "these blocks wait for ever: (0, 0, 0) waits at");
  EXPECT_FAULT(fault_together(4, 64, 0, absent_block_kernel), "(2, 0, 0) has ended");
  EXPECT_FAULT(fault_together(4, 64, 0, absent_from_grid_kernel), "(5, 0, 0) has ended");
  EXPECT_FAULT(fault_together(4, 64, 0, two_grid_barriers_kernel), "(2, 0, 0) waits at");
  EXPECT_FAULT(fault_of(1, 64, ring_kernel, 3 * 64), "waits for the grid in a launch that is not cooperative");
}

TEST(SimtMachine, SeesWhatIsWrongWithDynamicSharedMemory) {
  EXPECT_FAULT(fault_together(1, 64, 1024, impatient_kernel), "reads shared memory that no thread has written");
  EXPECT_FAULT(fault_together(1, 64, 1024, copies_beyond_kernel), "beyond the launch's dynamic shared memory");
  EXPECT_FAULT(fault_together(1, 64, 1008, copies_kernel), "beyond the launch's dynamic shared memory");
}

TEST(SimtMachine, SeesMasksThatDoNotFit) {
  EXPECT_FAULT(fault_of(1, 32, outsider_kernel), "thread (4, 0, 0) is not in the mask");
  EXPECT_FAULT(fault_of(1, 32, unmasked_kernel), "reads lane 9, which is not in the mask");
}

TEST(SimtMachine, SeesAccessesOutsideBuffers) {
  EXPECT_FAULT(fault_of(1, 64, write_beyond_kernel), "thread (63, 0, 0) writes outside every buffer, byte 256 of");
  EXPECT_FAULT(fault_of(1, 1, read_before_kernel), "reads outside every buffer");
}

TEST(SimtMachine, SeesReadsOfWhatNobodyWrote) {
  const Buffer x(Device::cuda, 64 * sizeof(int)), y = zeros(64);
  memory_cuda.zero(x.data(), 40 * sizeof(int));
  try {
    launch(1, 64, copy_kernel, x.as<int>(), y.as<int>());
    FAIL();
  } catch (const std::runtime_error& error) {
    EXPECT_FAULT(std::string(error.what()), "thread (40, 0, 0) reads what nobody has written, byte 160 of");
  }
}

TEST(SimtMachine, SeesPointersIntoTheHost) {
  const Ints x(64, 1);
  const Buffer y = zeros(64);
  try {
    launch(1, 64, copy_kernel, x.data(), y.as<int>());
    FAIL();
  } catch (const std::runtime_error& error) {
    EXPECT_FAULT(std::string(error.what()), "reads memory of the host");
  }
  EXPECT_THROW(memory_cuda.copy(y.data(), x.data(), 4), std::runtime_error);
  EXPECT_THROW(memory_cuda.zero(y.as<char>() + 1, y.bytes()), std::runtime_error);
}

// Kernels that hide their accesses: only memory itself can tell.
TEST(SimtMachine, SeesWhatDependsOnTheOrder) {
  EXPECT_FAULT(fault_of(1, 64, last_kernel), "byte 0 of a buffer of 256 depends on the order of the threads");
  EXPECT_FAULT(fault_of(1, 1, beyond_kernel), "byte 0 behind a buffer of 256 was overwritten");
}

TEST(SimtMachine, HasTheLimitsOfAGpu) {
  EXPECT_FAULT(fault_of(1, 1025, blocks_kernel), "no GPU runs a block of (1025, 1, 1)");
  EXPECT_FAULT(fault_of({1, 65536}, 1, blocks_kernel), "no GPU runs a grid of (1, 65536, 1)");
  EXPECT_FAULT(fault_together(6, 64, 0, ring_kernel), "a cooperative launch of 6 blocks");
}

TEST(SimtMachineDeathTest, AlignmentAndIndicesAreChecked) {
  EXPECT_DEATH(run(1, 1, crooked_kernel, 64), "misaligned address");
  EXPECT_DEATH(run(1, 33, index_kernel, 64), "index 32 out of bounds");
}

TEST(SimtMachineDeathTest, TheHostMustNotTouchTheDevice) {
  const Buffer y = zeros(64);
  EXPECT_DEATH(*y.as<volatile int>() = 1, "");
}

}  // namespace
}  // namespace pc::test
