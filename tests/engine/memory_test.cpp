// The allocator: guard words, poison, reuse and its figures.
#include "kernels/runtime/memory.h"

#include <gtest/gtest.h>

#include <cstring>
#include <thread>
#include <utility>
#include <vector>

#include "kernels/runtime/deferred_free.h"

namespace pc {
namespace {

using MemoryDeathTest = testing::Test;

void overrun(std::ptrdiff_t offset) {
  Buffer buffer(Device::cpu, 100);
  buffer.as<volatile char>()[offset] = 1;
}

TEST(MemoryDeathTest, AnOverrunIsCaught) {
  EXPECT_DEATH(overrun(100), "byte 0 after a cpu block of 100 bytes was overwritten");
  EXPECT_DEATH(overrun(163), "byte 63 after a cpu block of 100 bytes was overwritten");
}

TEST(MemoryDeathTest, AnUnderrunIsCaught) {
  EXPECT_DEATH(overrun(-1), "byte 63 before a cpu block of 100 bytes was overwritten");
}

TEST(Memory, TheWholeBlockIsUsable) {
  for (const std::size_t bytes : {1u, 63u, 512u, 4097u, 3u << 20}) {
    Buffer buffer(Device::cpu, bytes);
    EXPECT_EQ(buffer.bytes(), bytes);
    std::memset(buffer.data(), 1, bytes);
  }
}

TEST(Memory, BlocksAreAligned) {
  for (const std::size_t bytes : {1u, 100u, 5000u, 9u << 20}) {
    const Buffer buffer(Device::cpu, bytes);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(buffer.data()) % 64, 0u);
  }
}

TEST(Memory, FreshBlocksArePoisonedEvenWhenReused) {
  for (int i = 0; i < 2; ++i) {
    const Buffer buffer(Device::cpu, 777);
    for (std::size_t j = 0; j < 777; ++j) ASSERT_EQ(buffer.as<unsigned char>()[j], 0xFF);
    std::memset(buffer.data(), 0, 777);
  }
}

TEST(Memory, WhatIsFreedUnderAHoldStaysAside) {
  const std::size_t before = memory::stats(Device::cpu).in_use;
  void* first = nullptr;
  {
    const memory::DeferredFree outer(Device::cpu);
    {
      const memory::DeferredFree inner(Device::cpu);
      const Buffer buffer(Device::cpu, 234'567);
      first = buffer.data();
    }
    const Buffer other(Device::cpu, 234'567);
    EXPECT_NE(other.data(), first);
    EXPECT_GE(memory::stats(Device::cpu).in_use, before + 2 * 234'567);
  }
  EXPECT_EQ(memory::stats(Device::cpu).in_use, before);
  const Buffer one(Device::cpu, 234'567), two(Device::cpu, 234'567);
  EXPECT_TRUE(one.data() == first || two.data() == first) << "given back at the end";
}

TEST(Memory, AHoldKeepsBlocksOfAnArenaAsideToo) {
  const Arena arena(Device::cpu);
  const Arena::Scope scope(arena);
  void* first = nullptr;
  {
    const memory::DeferredFree hold(Device::cpu);
    first = Buffer(Device::cpu, 1000).data();
    EXPECT_NE(Buffer(Device::cpu, 1000).data(), first);
  }
  EXPECT_EQ(arena.bytes(), 2000u);
  const Buffer one(Device::cpu, 1000), two(Device::cpu, 1000);
  EXPECT_TRUE(one.data() == first || two.data() == first);
}

TEST(Memory, AFreedBlockIsUsedAgain) {
  void* first = nullptr;
  {
    const Buffer buffer(Device::cpu, 123'457);
    first = buffer.data();
  }
  const Buffer again(Device::cpu, 123'400);  // the same size class
  EXPECT_EQ(again.data(), first);
}

TEST(Memory, StatsFollowBlocks) {
  memory::trim(Device::cpu);
  const memory::Stats before = memory::stats(Device::cpu);
  EXPECT_EQ(before.cached, 0u);
  {
    const Buffer buffer(Device::cpu, 10 << 20);
    const memory::Stats during = memory::stats(Device::cpu);
    EXPECT_GE(during.in_use, before.in_use + (10u << 20));
    EXPECT_GE(during.peak, during.in_use);
  }
  const memory::Stats after = memory::stats(Device::cpu);
  EXPECT_EQ(after.in_use, before.in_use);
  EXPECT_GE(after.cached, 10u << 20);
  memory::trim(Device::cpu);
  EXPECT_EQ(memory::stats(Device::cpu).cached, 0u);
}

TEST(Memory, MovedBuffersFreeOnce) {
  const std::size_t before = memory::stats(Device::cpu).in_use;
  {
    Buffer a(Device::cpu, 1000), b(Device::cpu, 2000);
    void* data = b.data();
    a = std::move(b);
    EXPECT_EQ(a.data(), data);
    EXPECT_EQ(a.bytes(), 2000u);
    const Buffer c = std::move(a);
    EXPECT_EQ(c.data(), data);
  }
  EXPECT_EQ(memory::stats(Device::cpu).in_use, before);
}

TEST(Memory, NoBytesIsNoBlock) {
  const Buffer none, zero(Device::cpu, 0);
  EXPECT_EQ(none.data(), nullptr);
  EXPECT_EQ(zero.data(), nullptr);
}

TEST(Memory, ThreadsShareTheCache) {
  const std::size_t before = memory::stats(Device::cpu).in_use;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([t] {
      for (int i = 0; i < 500; ++i) {
        const Buffer buffer(Device::cpu, std::size_t(1 + (i * 97 + t * 31) % 3000));
        std::memset(buffer.data(), t, buffer.bytes());
      }
    });
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(memory::stats(Device::cpu).in_use, before);
}

}  // namespace
}  // namespace pc
