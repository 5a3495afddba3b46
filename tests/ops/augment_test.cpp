// augment against plain f64 loops and PyTorch's antialiased resize: crops beyond the picture, flips, fill, both types
// and devices.
#include "kernels/augment/augment.h"

#include "tests/ops/reference.h"

namespace pc::test {
namespace {

struct Batch {
  AugmentShape shape;
  std::vector<uint8_t> pixels;
  std::vector<AugmentSample> samples;
};

AugmentShape make_shape(int out_h, int out_w) {
  return {.n = 0,
          .out_h = out_h,
          .out_w = out_w,
          .mean = {0.485f, 0.456f, 0.406f},
          .std = {0.229f, 0.224f, 0.225f},
          .fill = {250, 128, 7}};
}

AugmentShape plain_shape(int out_h, int out_w) {
  return {.n = 0, .out_h = out_h, .out_w = out_w, .mean = {0, 0, 0}, .std = {1 / 255.0f, 1 / 255.0f, 1 / 255.0f}};
}

void add(Batch& batch, int h, int w, float x, float y, float crop_w, float crop_h, bool flip) {
  batch.samples.push_back({.offset = int64_t(batch.pixels.size()),
                           .h = h,
                           .w = w,
                           .crop_x = x,
                           .crop_y = y,
                           .crop_w = crop_w,
                           .crop_h = crop_h,
                           .flip = flip});
  for (int i = 0; i < h * w * 3; ++i)
    batch.pixels.push_back(uint8_t(philox(7, batch.samples.size(), uint64_t(i)).word[0]));
  batch.shape.n = int(batch.samples.size());
}

// Weights of the source pixels [begin, begin + size) for output j, straight from the header's formula.
Values weights(double start, double crop, int out, int j, int& begin) {
  begin = int(std::ceil(start - 0.5));
  const int end = std::max(begin + 1, int(std::ceil(start + crop - 0.5)));
  const double scale = crop / out, centre = start + (j + 0.5) * scale;
  Values weight;
  double sum = 0;
  for (int k = begin; k < end; ++k) {
    weight.push_back(std::max(0.0, 1 - std::abs(k + 0.5 - centre) / std::max(1.0, scale)));
    sum += weight.back();
  }
  for (double& w : weight) w /= sum;
  return weight;
}

double pixel(const Batch& b, const AugmentSample& s, int row, int column, int c) {
  if (row < 0 || column < 0 || row >= s.h || column >= s.w) return b.shape.fill[c];
  return b.pixels[std::size_t(s.offset + (int64_t(row) * s.w + column) * 3 + c)];
}

Values reference(const Batch& b) {
  Values y;
  for (const AugmentSample& s : b.samples)
    for (int i = 0; i < b.shape.out_h; ++i)
      for (int j = 0; j < b.shape.out_w; ++j) {
        int top, left;
        const Values rows = weights(double(s.crop_y), double(s.crop_h), b.shape.out_h, i, top);
        const Values columns =
            weights(double(s.crop_x), double(s.crop_w), b.shape.out_w, s.flip ? b.shape.out_w - 1 - j : j, left);
        for (int c = 0; c < 3; ++c) {
          double sum = 0;
          for (std::size_t r = 0; r < rows.size(); ++r)
            for (std::size_t k = 0; k < columns.size(); ++k)
              if (rows[r] > 0 && columns[k] > 0)
                sum += rows[r] * columns[k] * pixel(b, s, top + int(r), left + int(k), c);
          y.push_back((sum / 255 - double(b.shape.mean[c])) / double(b.shape.std[c]));
        }
      }
  return y;
}

Array run(const Batch& b, Device device, DType dtype) {
  const Array pixels(device, DType::u8, b.pixels);
  Buffer samples(device, b.samples.size() * sizeof(AugmentSample));
  memory::copy(device, samples.data(), Device::cpu, b.samples.data(), samples.bytes());
  Array y(device, dtype, int64_t(b.shape.n) * b.shape.out_h * b.shape.out_w * 3);
  PC_KERNELS(augment, device).forward(b.shape, dtype, pixels.as<uint8_t>(), samples.as<AugmentSample>(), y.data());
  memory::synchronize(device);
  return y;
}

Batch identity_batch() {
  Batch b{.shape = make_shape(20, 15), .pixels = {}, .samples = {}};
  for (bool flip : {false, true}) add(b, 20, 15, 0, 0, 15, 20, flip);
  return b;
}

// Enlarging, reducing, fractional, beyond each edge, far outside, thinner than a pixel, whole pictures of many sizes.
Batch mixed_batch() {
  Batch b{.shape = make_shape(16, 12), .pixels = {}, .samples = {}};
  for (bool flip : {false, true}) {
    add(b, 80, 60, 0, 0, 60, 80, flip);
    add(b, 7, 5, 0, 0, 5, 7, flip);
    add(b, 1, 1, 0, 0, 1, 1, flip);
    add(b, 33, 47, 3.25f, 5.75f, 20.5f, 18.125f, flip);
    add(b, 40, 30, -10, 0, 50, 40, flip);
    add(b, 30, 40, 0, -5.5f, 40, 41, flip);
    add(b, 20, 20, -7.25f, -3, 12, 9, flip);
    add(b, 20, 20, 15, 16, 10.5f, 11, flip);
    add(b, 9, 9, 100, -200, 10, 10, flip);
    add(b, 9, 9, 3.6f, 3.6f, 0.3f, 0.2f, flip);
    add(b, 200, 3, 0, 0, 3, 200, flip);
    add(b, 16, 12, 2, 3, 12, 16, flip);
  }
  return b;
}

void check(const Batch& b, Device device) {
  const Values want = reference(b);
  expect_close(run(b, device, DType::f32).values(), want, {1e-5, 1e-4}, "y");
  expect_close(run(b, device, DType::bf16).values(), want, tolerance(DType::bf16, 0.2), "y");
}

// torch.nn.functional.interpolate(x, size, mode="bilinear", antialias=True) of x[0, c, i, j] = ((i * 7 + j) * 3 + c) *
// 37 % 256
void check_pytorch(Device device) {
  for (const auto& [h, w, first, sum] :
       {std::tuple{3, 4, Values{62, 86.8095, 123.81, 163.057, 66.9371, 103.937, 131.777, 168.777, 72.6571}, 4509.3047},
        {8, 9, Values{0, 37, 74, 74, 111, 148, 160.333, 83.5556, 120.556}, 27000.889}}) {
    Batch b{.shape = plain_shape(h, w), .pixels = {}, .samples = {}};
    add(b, 5, 7, 0, 0, 7, 5, false);
    for (std::size_t i = 0; i < b.pixels.size(); ++i) b.pixels[i] = uint8_t(i * 37 % 256);
    const Values y = run(b, device, DType::f32).values();
    expect_close(Values(y.begin(), y.begin() + 9), first, {1e-5, 1e-3}, "y");
    EXPECT_NEAR(dot(y, Values(y.size(), 1)), sum, 1e-5 * sum);
  }
}

TEST(Augment, MatchesReference) { check(mixed_batch(), Device::cpu); }
TEST(Augment, MatchesPyTorchsAntialiasedResize) { check_pytorch(Device::cpu); }

TEST(Augment, IdentityKeepsEveryPixel) {
  Batch b = identity_batch();
  check(b, Device::cpu);
  for (int c = 0; c < 3; ++c) b.shape.mean[c] = 0, b.shape.std[c] = 1 / 255.0f;
  const Values y = run(b, Device::cpu, DType::f32).values();
  for (int i = 0; i < 20; ++i)
    for (int j = 0; j < 45; ++j) {
      const std::size_t at = std::size_t(i * 45 + j), mirrored = std::size_t(900 + i * 45 + (14 - j / 3) * 3 + j % 3);
      ASSERT_NEAR(y[at], b.pixels[at], 1e-4);
      ASSERT_NEAR(y[900 + at], b.pixels[mirrored], 1e-4);
    }
}

TEST(Augment, WhereTheCropLeavesThePictureIsFill) {
  Batch b{.shape = plain_shape(8, 8), .pixels = {}, .samples = {}};
  add(b, 4, 4, -4, -4, 8, 8, false);
  std::fill(b.pixels.begin(), b.pixels.end(), uint8_t(10));
  const Values y = run(b, Device::cpu, DType::f32).values();
  for (std::size_t i = 0; i < y.size(); ++i) ASSERT_NEAR(y[i], i / 24 >= 4 && i / 3 % 8 >= 4 ? 10 : 255, 1e-4) << i;
}

TEST(Augment, BordersAreNotMixedWithFill) {
  Batch b{.shape = plain_shape(11, 5), .pixels = {}, .samples = {}};
  add(b, 7, 9, 0, 0, 9, 7, false);
  std::fill(b.pixels.begin(), b.pixels.end(), uint8_t(40));
  for (double y : run(b, Device::cpu, DType::f32).values()) ASSERT_NEAR(y, 40, 1e-4);
}

TEST(Augment, SameBitsWithAnyNumberOfThreads) {
  const Batch b = mixed_batch();
  expect_same_bits_with_two_threads([&] { return run(b, Device::cpu, DType::f32).bytes(); });
}

TEST(Augment, RefusesBadCropsAndTypes) {
  for (float crop : {0.0f, -1.0f, kNaN, kInf}) {
    Batch b = identity_batch();
    b.samples[1].crop_w = crop;
    EXPECT_THROW(run(b, Device::cpu, DType::f32), std::logic_error) << crop;
  }
  EXPECT_THROW(augment_cpu.forward(make_shape(1, 1), DType::f16, nullptr, nullptr, nullptr), std::logic_error);
}

TEST(Augment, GpuMatchesReference) {
  PC_NEEDS_GPU();
  check(mixed_batch(), Device::cuda);
  check(identity_batch(), Device::cuda);
  expect_close(run(mixed_batch(), Device::cuda, DType::f16).values(), reference(mixed_batch()),
               tolerance(DType::f16, 0.2), "y");
  check_pytorch(Device::cuda);
}

}  // namespace
}  // namespace pc::test
