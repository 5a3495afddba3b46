// Two streams: which of conv2d's gradients runs on which stream, and the waits between them; and waits of the host.
#include "kernels/runtime/streams.h"

#include <cstring>
#include <stdexcept>

#include "engine/readback.h"
#include "kernels/conv2d/conv2d.h"
#include "kernels/runtime/cuda.h"
#include "streams.h"
#include "tests/ops/reference.h"

namespace pc::test {
namespace {

using Notes = std::vector<std::string>;
const Notes kForkAndJoin{"record 1", "wait 2", "work 2", "work 1", "record 2", "wait 1"};

TEST(Streams, GpuGradientsOfAConvolutionRunConcurrently) {
  const Conv2dShape s{.n = 2, .h = 5, .w = 4, .c = 3, .k = 4, .r = 3, .s = 3, .stride = 2, .pad = 1};
  const int64_t x_size = int64_t(s.n) * s.h * s.w * s.c, w_size = int64_t(s.k) * s.r * s.s * s.c,
                y_size = int64_t(s.n) * s.p() * s.q() * s.k;
  for (const DType dtype : {DType::f32, DType::bf16}) {  // 16 bits: pads and casts on both streams
    const Array x(Device::cuda, dtype, random_values(x_size, 1)), w(Device::cuda, dtype, random_values(w_size, 2)),
        dy(Device::cuda, dtype, random_values(y_size, 3)), dx(Device::cuda, dtype, x_size),
        dw(Device::cuda, DType::f32, w_size);
    const Conv2dBackward both{
        .x = x.data(), .w = w.data(), .dy = dy.data(), .add = false, .dx = dx.data(), .dw = dw.as<float>()};
    conv2d_cuda.backward(s, dtype, both);  // makes the plans
    simt::clear_stream_notes();
    conv2d_cuda.backward(s, dtype, both);
    EXPECT_EQ(simt::stream_notes(), kForkAndJoin) << name_of(dtype);
  }
}

TEST(Streams, GpuJoinsWhateverHappens) {
  const Buffer buffer(Device::cuda, 4);
  const auto work = [&] { memory_cuda.zero(buffer.data(), 4); };
  simt::clear_stream_notes();
  EXPECT_THROW(run_concurrently([&] { work(), throw std::runtime_error("no"); }, work), std::runtime_error);
  EXPECT_EQ(simt::stream_notes(), (Notes{"record 1", "wait 2", "work 2", "record 2", "wait 1"}));
  simt::clear_stream_notes();
  EXPECT_THROW(run_concurrently(work, [&] { work(), throw std::runtime_error("no"); }), std::runtime_error);
  EXPECT_EQ(simt::stream_notes(), kForkAndJoin);
  simt::clear_stream_notes();
  work();
  EXPECT_EQ(simt::stream_notes(), (Notes{"work 1"}));
}

std::vector<float> floats(const std::byte* block, std::size_t count) {
  std::vector<float> v(count);
  std::memcpy(v.data(), block, count * sizeof(float));
  return v;
}

TEST(Readback, GpuMemoryArrivesAsItWasWhenAskedFor) {
  const Array first(Device::cuda, DType::f32, Values{1, 2}), second(Device::cuda, DType::f32, Values{3});
  Readback readback(Device::cuda, 3 * sizeof(float));
  readback.ask(0, first.data(), 2 * sizeof(float));
  readback.ask(2 * sizeof(float), second.data(), sizeof(float));
  memory_cuda.zero(first.data(), 2 * sizeof(float));  // later work on the device
  EXPECT_EQ(floats(readback.wait(), 3), (std::vector<float>{1, 2, 3}));
}

TEST(Event, GpuCopiesAreThereAfterItAndNoSooner) {
  const Array one(Device::cuda, DType::f32, Values{1});
  const Pinned block(Device::cuda, 2 * sizeof(float));
  Event earlier(Device::cuda), later(Device::cuda);
  earlier.wait();  // never recorded
  memory_cuda.copy_out_later(block.data(), one.data(), sizeof(float));
  earlier.record();
  memory_cuda.copy_out_later(block.data() + sizeof(float), one.data(), sizeof(float));
  later.record();
  EXPECT_NE(floats(block.data(), 1)[0], 1);
  earlier.wait();
  EXPECT_EQ(floats(block.data(), 1)[0], 1);
  EXPECT_NE(floats(block.data(), 2)[1], 1);
  later.wait();
  EXPECT_EQ(floats(block.data(), 2)[1], 1);
}

}  // namespace
}  // namespace pc::test
