// Arena, UploadRing, Readback and Replay on the CPU; tests/models/training_test.cpp and the simulated GPU run whole steps.
#include "engine/replay.h"

#include <gtest/gtest.h>

#include <cstring>

#include "engine/readback.h"
#include "engine/upload_ring.h"
#include "kernels/runtime/memory.h"
#include "models/classifier.h"
#include "tests/models/support.h"

namespace pc {
namespace {

std::vector<void*> addresses() {
  const Buffer a(Device::cpu, 1000), b(Device::cpu, 5000);
  std::vector<void*> all{a.data(), b.data()};
  {
    const Buffer c(Device::cpu, 1000);
    all.push_back(c.data());
  }
  const Buffer d(Device::cpu, 1000), e(Device::cpu, 1000);
  all.push_back(d.data()), all.push_back(e.data());
  return all;
}

TEST(Arena, TheSameRequestsGetTheSameAddresses) {
  const Arena arena(Device::cpu);
  std::vector<std::vector<void*>> rounds;
  for (int round = 0; round < 3; ++round) {
    const Buffer between(Device::cpu, 1000);  // somebody else, outside of the arena
    const Arena::Scope scope(arena);
    rounds.push_back(addresses());
  }
  EXPECT_EQ(rounds[1], rounds[2]);
  EXPECT_EQ(arena.bytes(), 3 * 1000u + 5000u) << "nothing was asked for twice";
}

TEST(Arena, KeepsItsBlocksToItself) {
  const Arena arena(Device::cpu);
  void* mine = nullptr;
  {
    const Arena::Scope scope(arena);
    mine = Buffer(Device::cpu, 777).data();
  }
  EXPECT_NE(Buffer(Device::cpu, 777).data(), mine);
  const Arena::Scope scope(arena);
  EXPECT_EQ(Buffer(Device::cpu, 777).data(), mine);
}

TEST(Arena, ABufferMayOutliveScopeAndArena) {
  Buffer kept;
  {
    const Arena arena(Device::cpu);
    const Arena::Scope scope(arena);
    kept = Buffer(Device::cpu, 100);
  }
  std::memset(kept.data(), 1, 100);
}

TEST(Arena, ScopesNest) {
  const Arena outer(Device::cpu), inner(Device::cpu);
  const Arena::Scope a(outer);
  {
    const Arena::Scope b(inner);
    const Buffer in_inner(Device::cpu, 64);
  }
  const Buffer in_outer(Device::cpu, 32);
  EXPECT_EQ(inner.bytes(), 64u);
  EXPECT_EQ(outer.bytes(), 32u);
}

// What a recorded step relies on: a training step asks for the same memory in the same order every time.
TEST(Arena, ATrainingStepFindsTheSameBlocksEveryTime) {
  const auto model = make_classifier("resnet18", {{"label", 4}}, 1);
  Optimizer optimizer(*model, {});
  const Tensor x = test::pictures(1, 2, 32, 32);
  const auto step = [&] { test::train_step(*model, optimizer, x, {0, 1}, 0.01f); };
  step();
  const Arena arena(Device::cpu);
  std::size_t first = 0;
  for (int i = 0; i < 3; ++i) {
    const Arena::Scope scope(arena);
    step();
    if (i == 0) first = arena.bytes();
  }
  EXPECT_GT(first, 0u);
  EXPECT_EQ(arena.bytes(), first);
}

TEST(Replay, TheCpuDoesTheWorkEveryTime) {
  Replay replay(Device::cpu, true);
  int done = 0;
  for (int i = 0; i < 5; ++i) replay.run([&] { ++done; });
  EXPECT_EQ(done, 5);
  EXPECT_FALSE(replay.recorded());
}

TEST(UploadRing, WhatTheHostWritesIsOnTheDevice) {
  UploadRing ring(Device::cpu, 8);
  for (int i = 0; i < 100; ++i) {
    std::memset(ring.host(), i, 8);
    ring.upload();
    EXPECT_EQ(ring.on_device().to_vector<uint8_t>(), std::vector<uint8_t>(8, uint8_t(i)));
  }
}

TEST(Readback, OnTheCpuAllIsThereAtOnce) {
  Readback readback(Device::cpu, 8);
  const char text[] = "abcdefg";
  readback.ask(0, text + 4, 4);
  readback.ask(4, text, 4);
  EXPECT_EQ(std::memcmp(readback.wait(), "efg\0abcd", 8), 0);
}

}  // namespace
}  // namespace pc
