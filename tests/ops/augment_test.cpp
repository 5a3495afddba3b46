// augment against plain f64 loops and PyTorch's antialiased resize: crops beyond the image, flips, rotations, shears,
// fill, new backgrounds, colors, posterize, solarize, erased parts, both types and devices.
#include "kernels/augment/augment.h"

#include "tests/ops/reference.h"

namespace pc::test {
namespace {

struct Batch {
  AugmentShape shape;
  std::vector<uint8_t> pixels;
  std::vector<AugmentSample> samples;
  std::vector<uint8_t> mask{}, backgrounds{};
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

// Weights of the source pixels [begin, begin + size) around `point`, straight from the header's formula.
Values weights(double start, double crop, int out, double point, bool turned, int& begin) {
  begin = turned ? int(point) - 400 : int(std::ceil(start - 0.5));
  const int end = turned ? int(point) + 400 : std::max(begin + 1, int(std::ceil(start + crop - 0.5)));
  const double scale = crop / out;
  Values weight;
  double sum = 0;
  for (int k = begin; k < end; ++k) {
    weight.push_back(std::max(0.0, 1 - std::abs(k + 0.5 - point) / std::max(1.0, scale)));
    sum += weight.back();
  }
  for (double& w : weight) w /= sum;
  return weight;
}

bool inside(const AugmentSample& s, int row, int column) {
  return row >= 0 && column >= 0 && row < s.h && column < s.w;
}

double pixel(const Batch& b, const AugmentSample& s, int row, int column, int c) {
  if (!inside(s, row, column)) return b.shape.fill[c];
  return b.pixels[std::size_t(s.offset + (int64_t(row) * s.w + column) * 3 + c)];
}

// How much of a source pixel is object: all of it where the image keeps its background.
double object(const Batch& b, const AugmentSample& s, int row, int column) {
  if (s.background < 0) return 1;
  return inside(s, row, column) ? b.mask[std::size_t(s.offset / 3 + int64_t(row) * s.w + column)] / 255.0 : 0;
}

double background(const Batch& b, const AugmentSample& s, int i, int j, int c) {
  if (s.background < 0) return 0;
  const int row = (i + s.background_y) % b.shape.out_h, column = (j + s.background_x) % b.shape.out_w;
  return b.backgrounds[std::size_t(s.background + (int64_t(row) * b.shape.out_w + column) * 3 + c)];
}

// The three values, 0..255, that output pixel (i, j) sees.
Values seen(const Batch& b, const AugmentSample& s, int i, int j) {
  const bool turned = s.turn[0][0] != 1 || s.turn[0][1] != 0 || s.turn[1][0] != 0 || s.turn[1][1] != 1;
  const double u = ((s.flip ? b.shape.out_w - 1 - j : j) + 0.5) / b.shape.out_w - 0.5,
               v = (i + 0.5) / b.shape.out_h - 0.5;
  const double across = u * double(s.crop_w), down = v * double(s.crop_h);
  const auto source = [&](int axis) { return double(s.turn[axis][0]) * across + double(s.turn[axis][1]) * down; };
  const double x = double(s.crop_x) + double(s.crop_w) / 2 + source(0);
  const double y = double(s.crop_y) + double(s.crop_h) / 2 + source(1);
  int top, left;
  const Values rows = weights(double(s.crop_y), double(s.crop_h), b.shape.out_h, y, turned, top);
  const Values columns = weights(double(s.crop_x), double(s.crop_w), b.shape.out_w, x, turned, left);
  Values value(3);
  double covered = 0;
  for (std::size_t r = 0; r < rows.size(); ++r)
    for (std::size_t k = 0; k < columns.size(); ++k) {
      if (!(rows[r] > 0 && columns[k] > 0)) continue;
      const double weight = rows[r] * columns[k] * object(b, s, top + int(r), left + int(k));
      covered += weight;
      for (int c = 0; c < 3; ++c) value[std::size_t(c)] += weight * pixel(b, s, top + int(r), left + int(k), c);
    }
  for (int c = 0; c < 3; ++c) value[std::size_t(c)] += (1 - covered) * background(b, s, i, j, c);
  return value;
}

// What becomes of a value 0..255; NaN where an f32 sum may round to either neighbor.
double retoned(const AugmentSample& s, double value) {
  if (s.bits == 8 && s.invert_from == 256) return value;
  if (std::abs(value - std::floor(value) - 0.5) < 1e-3) return kNaN;
  const int step = 1 << (8 - s.bits), tone = int(std::lround(value)) / step * step;
  return tone >= s.invert_from ? 255 - tone : tone;
}

Values reference(const Batch& b) {
  Values y;
  for (const AugmentSample& s : b.samples)
    for (int i = 0; i < b.shape.out_h; ++i)
      for (int j = 0; j < b.shape.out_w; ++j) {
        const Values value = seen(b, s, i, j);
        const bool erased = i >= s.erase_y && i < s.erase_y + s.erase_h && j >= s.erase_x && j < s.erase_x + s.erase_w;
        for (int c = 0; c < 3; ++c) {
          double mixed = double(s.color[c][3]);
          for (int k = 0; k < 3; ++k) mixed += double(s.color[c][k]) * value[std::size_t(k)] / 255;
          const double tone = retoned(s, 255 * std::clamp(mixed, 0.0, 1.0));
          y.push_back(erased ? 0 : (tone / 255 - double(b.shape.mean[c])) / double(b.shape.std[c]));
        }
        y.resize(y.size() + std::size_t(b.shape.channels) - 3);
      }
  return y;
}

Array run(const Batch& b, Device device, DType dtype) {
  const Array pixels(device, DType::u8, b.pixels), mask(device, DType::u8, b.mask),
      backgrounds(device, DType::u8, b.backgrounds);
  Buffer samples(device, b.samples.size() * sizeof(AugmentSample));
  memory::copy(device, samples.data(), Device::cpu, b.samples.data(), samples.bytes());
  Array y(device, dtype, int64_t(b.shape.n) * b.shape.out_h * b.shape.out_w * b.shape.channels);
  const AugmentSource source{
      .pixels = pixels.as<uint8_t>(), .mask = mask.as<uint8_t>(), .backgrounds = backgrounds.as<uint8_t>()};
  PC_KERNELS(augment, device).forward(b.shape, dtype, source, samples.as<AugmentSample>(), y.data());
  memory::synchronize(device);
  return y;
}

Batch identity_batch() {
  Batch b{.shape = make_shape(20, 15), .pixels = {}, .samples = {}};
  for (bool flip : {false, true}) add(b, 20, 15, 0, 0, 15, 20, flip);
  return b;
}

// Enlarging, reducing, fractional, beyond each edge, far outside, thinner than a pixel, whole images of many sizes.
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

void turn(AugmentSample& s, double degrees) {
  const double angle = degrees * std::numbers::pi / 180;
  s.turn[0][0] = s.turn[1][1] = float(std::cos(angle));
  s.turn[0][1] = float(std::sin(angle));
  s.turn[1][0] = -s.turn[0][1];
}

// Every transform of an image alone, and all of them at once.
Batch changed_batch() {
  Batch b{.shape = make_shape(16, 12), .pixels = {}, .samples = {}};
  for (int kind = 0; kind < 16; ++kind)
    for (bool flip : {false, true}) {
      add(b, 24, 18, kind % 2 ? -3.5f : 1.25f, 2, 15, kind & 4 ? 40 : 20, flip);
      AugmentSample& s = b.samples.back();
      if (kind & 1) s.background = 16 * 12 * 3 * (kind / 2 % 2), s.background_x = 5 * kind, s.background_y = kind;
      if (kind & 2) turn(s, 20 * kind - 60);
      if (kind & 4) {
        for (int c = 0; c < 3; ++c)
          for (int k = 0; k < 4; ++k) s.color[c][k] += 0.2f * float((c * 4 + k * 7 + kind) % 5) - 0.4f;
        s.erase_x = kind, s.erase_y = -2, s.erase_w = 20, s.erase_h = 5 + kind % 8;
      }
      if (kind & 8) {
        s.turn[kind % 2][1 - kind % 2] += flip ? 0.7f : -0.4f;
        s.bits = 2 + kind % 7, s.invert_from = flip ? 256 : 20 * kind - 90;
      }
    }
  for (std::size_t i = 0; i < b.pixels.size() / 3; ++i)
    b.mask.push_back(uint8_t(philox(8, 0, i).word[0]) < 128 ? 0 : uint8_t(philox(9, 0, i).word[0]));
  for (std::size_t i = 0; i < 2 * 16 * 12 * 3; ++i) b.backgrounds.push_back(uint8_t(philox(10, 0, i).word[0]));
  return b;
}

void check(const Batch& b, Device device, DType dtype, Tolerance tolerance) {
  Values got = run(b, device, dtype).values(), want = reference(b);
  std::size_t open = 0;
  for (std::size_t i = 0; i < want.size(); ++i)
    if (std::isnan(want[i])) got[i] = want[i] = 0, ++open;
  EXPECT_LE(open, want.size() / 50);
  expect_close(got, want, tolerance, "y");
}

void check(const Batch& b, Device device) {
  check(b, device, DType::f32, {1e-5, 1e-4});
  check(b, device, DType::bf16, tolerance(DType::bf16, 0.2));
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

// Rows of every remainder of a vector, in the image, in the part of it that a crop sees, and in the output.
TEST(Augment, EveryWidth) {
  for (int w = 1; w <= built_for.lanes() + 1; ++w) {
    Batch b{.shape = make_shape(3, w), .pixels = {}, .samples = {}};
    for (const bool flip : {false, true}) {
      add(b, 3, w, 0, 0, float(w), 3, flip);
      add(b, 4, w, -1.5f, -1, float(w + 1), 6, flip);
      add(b, 5, 2 * w + 1, 0.75f, 0, float(2 * w), 4.5f, flip);
    }
    SCOPED_TRACE(w);
    check(b, Device::cpu);
  }
}

TEST(Augment, MatchesReference) { check(mixed_batch(), Device::cpu); }
TEST(Augment, MatchesReferenceRotatedShearedRecoloredErasedAndOnNewBackgrounds) { check(changed_batch(), Device::cpu); }
TEST(Augment, MatchesPyTorchsAntialiasedResize) { check_pytorch(Device::cpu); }

Batch padded(Batch b, int channels) {
  b.shape.channels = channels;
  return b;
}

// Also where the vec8 that holds a pixel does not lie at a multiple of 16 bytes.
void check_padded(Device device, DType dtype) {
  for (const int channels : {4, 8}) check(padded(changed_batch(), channels), device);
  const Values want = reference(padded(mixed_batch(), 8));
  expect_close(run(padded(mixed_batch(), 8), device, dtype).values(), want, tolerance(dtype, 0.2), "y");
  const OffAlignment off;
  expect_close(run(padded(mixed_batch(), 8), device, dtype).values(), want, tolerance(dtype, 0.2), "y");
}

TEST(Augment, ChannelsBeyondTheThirdAreZero) { check_padded(Device::cpu, DType::bf16); }

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

TEST(Augment, AQuarterTurnMovesEveryPixelClockwise) {
  Batch b{.shape = plain_shape(6, 6), .pixels = {}, .samples = {}};
  add(b, 6, 6, 0, 0, 6, 6, false);
  turn(b.samples[0], 90);
  const Values y = run(b, Device::cpu, DType::f32).values();
  for (int i = 0; i < 6; ++i)
    for (int j = 0; j < 6;
         ++j)  // what stood at row i, column j from the top now stands at row j, column j from the right
      ASSERT_NEAR(y[std::size_t(j * 6 + 5 - i) * 3], b.pixels[std::size_t(i * 6 + j) * 3], 1e-3);
}

TEST(Augment, AShearMovesEachRowByItsDistanceFromTheMiddle) {
  Batch b{.shape = plain_shape(6, 6), .pixels = {}, .samples = {}};
  add(b, 6, 6, 0, 0, 6, 6, false);
  b.samples[0].turn[0][1] = 2;
  const Values y = run(b, Device::cpu, DType::f32).values();
  for (int i = 0; i < 6; ++i)
    for (int j = 0; j < 6; ++j) {
      const int from = j + 2 * i - 5;
      const double want = from < 0 || from > 5 ? 255 : b.pixels[std::size_t(i * 6 + from) * 3];
      ASSERT_NEAR(y[std::size_t(i * 6 + j) * 3], want, 1e-3) << i << " " << j;
    }
}

// As PIL.ImageOps.posterize and solarize.
TEST(Augment, FewerBitsKeepTheHighestAndTonesAreInvertedFromTheLimit) {
  Batch b{.shape = plain_shape(16, 16), .pixels = {}, .samples = {}};
  for (int i = 0; i < 4; ++i) add(b, 16, 16, 0, 0, 16, 16, false);
  for (std::size_t i = 0; i < b.pixels.size(); ++i) b.pixels[i] = uint8_t(i / 3 % 256);
  b.samples[0].bits = 3;
  b.samples[1].invert_from = 100;
  b.samples[2].bits = 1, b.samples[2].invert_from = 128;
  b.samples[3].invert_from = 0;
  const Values y = run(b, Device::cpu, DType::f32).values();
  for (int i = 0; i < 256; ++i) {
    const auto seen = [&](int sample) { return y[std::size_t(sample * 256 + i) * 3 + 1]; };
    ASSERT_NEAR(seen(0), i & 0xe0, 1e-4);
    ASSERT_NEAR(seen(1), i < 100 ? i : 255 - i, 1e-4);
    ASSERT_NEAR(seen(2), i < 128 ? 0 : 127, 1e-4);
    ASSERT_NEAR(seen(3), 255 - i, 1e-4);
  }
}

TEST(Augment, SameBitsWithAnyNumberOfThreads) {
  for (const Batch& b : {mixed_batch(), changed_batch()})
    expect_same_bits_with_two_threads([&] { return run(b, Device::cpu, DType::f32).bytes(); });
}

TEST(Augment, RefusesBadCropsAndTypes) {
  for (float crop : {0.0f, -1.0f, kNaN, kInf}) {
    Batch b = identity_batch();
    b.samples[1].crop_w = crop;
    EXPECT_THROW(run(b, Device::cpu, DType::f32), std::logic_error) << crop;
  }
  Batch spun = identity_batch(), bare = identity_batch();
  spun.samples[0].turn[1][0] = kNaN;
  EXPECT_THROW(run(spun, Device::cpu, DType::f32), std::logic_error);
  for (const auto& [bits, invert_from] : {std::pair{0, 256}, {9, 256}, {8, -1}, {8, 257}}) {
    Batch toned = identity_batch();
    toned.samples[1].bits = bits, toned.samples[1].invert_from = invert_from;
    EXPECT_THROW(run(toned, Device::cpu, DType::f32), std::logic_error) << bits << " " << invert_from;
  }
  bare.samples[0].background = 0;
  std::vector<float> y(2 * 20 * 15 * 3);
  EXPECT_THROW(
      augment_cpu.forward(bare.shape, DType::f32, {.pixels = bare.pixels.data()}, bare.samples.data(), y.data()),
      std::logic_error);
  EXPECT_THROW(augment_cpu.forward(make_shape(1, 1), DType::f16, {}, nullptr, nullptr), std::logic_error);
}

TEST(Augment, GpuMatchesReference) {
  PC_NEEDS_GPU();
  check(mixed_batch(), Device::cuda);
  check(identity_batch(), Device::cuda);
  check(changed_batch(), Device::cuda);
  check(mixed_batch(), Device::cuda, DType::f16, tolerance(DType::f16, 0.2));
  check_pytorch(Device::cuda);
}

TEST(Augment, GpuChannelsBeyondTheThirdAreZero) {
  PC_NEEDS_GPU();
  check_padded(Device::cuda, DType::bf16);
  check_padded(Device::cuda, DType::f16);
}

}  // namespace
}  // namespace pc::test
