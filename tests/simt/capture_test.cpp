// The stand-in's CUDA graphs: what is recorded runs when it is launched, on what the memory holds then, and what may
// not be recorded is a fault.
#include <gtest/gtest.h>

#include <stdexcept>

#include "engine/replay.h"
#include "kernels/lerp/lerp.h"
#include "kernels/runtime/graph.h"
#include "kernels/runtime/memory.h"

namespace pc::simt {
namespace {

class Recording {
 public:
  Recording() { graph_cuda.begin(); }
  ~Recording() { graph_cuda.drop(); }
};

float value_of(const Buffer& buffer) {
  float value = 0;
  memory_cuda.copy_out(&value, buffer.data(), sizeof value);
  return value;
}

void set(const Buffer& buffer, float value) { memory_cuda.copy_in(buffer.data(), &value, sizeof value); }

TEST(Capture, ARecordingRunsOnWhatTheMemoryHolds) {
  const Buffer x(Device::cuda, sizeof(float)), y(Device::cuda, sizeof(float));
  set(x, 8), set(y, 0);
  const LerpTensor tensor{1, x.as<float>(), y.as<float>()};
  graph_cuda.begin();
  lerp_cuda.update(0.5f, {&tensor, 1});
  void* const recording = graph_cuda.end();
  EXPECT_EQ(value_of(y), 0) << "nothing was done yet";
  graph_cuda.launch(recording);
  EXPECT_EQ(value_of(y), 4);
  set(x, 16);
  graph_cuda.launch(recording);
  EXPECT_EQ(value_of(y), 10);
  graph_cuda.release(recording);
}

TEST(Capture, WhatTheHostHoldsMayNotBeRecorded) {
  const Buffer x(Device::cuda, sizeof(float));
  set(x, 1);
  {
    const Recording recording;
    EXPECT_TRUE(recording_cuda());
    EXPECT_THROW(set(x, 1), std::logic_error);  // on a real GPU nothing else would refuse it
    EXPECT_THROW(value_of(x), std::logic_error);
  }
  EXPECT_FALSE(recording_cuda());
  EXPECT_EQ(value_of(x), 1);
}

TEST(Capture, NobodyWaitsOrAsksForMemory) {
  const Recording recording;
  EXPECT_THROW(Buffer(Device::cuda, 64), std::runtime_error);
  EXPECT_THROW(memory_cuda.synchronize(), std::runtime_error);
}

TEST(Capture, AReplayThatFailsToRecordLeavesNoRecordingOpen) {
  Replay replay(Device::cuda, true);
  for (int i = 0; i < 3; ++i) replay.run([] {});
  EXPECT_THROW(replay.run([] { memory_cuda.synchronize(); }), std::runtime_error);
  EXPECT_FALSE(replay.recorded());
  memory_cuda.synchronize();
}

TEST(Capture, AfterForgetTheWorkRunsAgain) {
  Replay replay(Device::cuda, true);
  int ran = 0;
  for (int i = 0; i < 6; ++i) replay.run([&] { ++ran; });
  EXPECT_EQ(ran, 4);
  EXPECT_TRUE(replay.recorded());
  replay.forget();
  for (int i = 0; i < 6; ++i) replay.run([&] { ++ran; });
  EXPECT_EQ(ran, 8);
}

}  // namespace
}  // namespace pc::simt
