// conv2d on the CPU at every remainder of its tiles, against loops in f64. The sizes come from the plans of
// kernels/conv2d, so that another tile size brings its cases along; that a path is taken is read off the plan.
#include <set>

#include "kernels/conv2d/conv2d_depthwise.h"
#include "kernels/conv2d/conv2d_weight.h"
#include "kernels/conv2d/conv2d_winograd.h"
#include "kernels/runtime/built_for.h"
#include "tests/ops/conv2d_reference.h"

namespace pc::test {
namespace {

constexpr DType kTypes[] = {DType::f32, DType::bf16};

conv2d::RegisterTile tile() { return conv2d::register_tile(built_for.lanes(), built_for.avx512bf16); }

std::string text(const Conv2dShape& s) {
  std::string all;
  for (const int size : {s.n, s.h, s.w, s.c, s.k, s.r, s.s, s.stride}) all += " " + std::to_string(size);
  return "n h w c k r s stride pad groups" + all + " " + to_string(s.pad) + " " + std::to_string(s.groups);
}

// y = f(conv + bias + y): the residual may be the result. The filter was packed for other images.
void check_infer(const Conv2dShape& s, const Conv2dShape& packed_for, DType t, Activation activation,
                 double slack = 0) {
  const Numbers x = numbers(x_size(s), 1), w = numbers(w_size(s), 2), b = numbers(std::size_t(s.k), 4),
                residual = numbers(y_size(s), 5);
  Reference wanted = fused(reference_y(s, x, w), {true, true, activation}, b, residual);
  for (double& m : wanted.magnitude) m += slack;
  const Block bx(Device::cpu, t, x), y(Device::cpu, t, residual);
  const auto filter = conv2d_cpu.pack(packed_for, t, w.data(), b.data());
  conv2d_cpu.infer(s, *filter, bx.data(), y.data(), activation, y.data());
  expect_close(y.read(), wanted, t);
}

void check_forward(const Conv2dShape& s) {
  SCOPED_TRACE(text(s));
  const Numbers x = numbers(x_size(s), 1), w = numbers(w_size(s), 2);
  const Reference y = reference_y(s, x, w);
  for (const DType t : kTypes) {
    expect_close(forward(Device::cpu, t, s, x, w), y, t);
    check_infer(s, s, t, kActivations[std::size_t(s.n + s.h + s.w + s.k) % std::size(kActivations)]);
  }
}

void check_data(const Conv2dShape& s) {
  SCOPED_TRACE(text(s));
  const Numbers x = numbers(x_size(s), 1), w = numbers(w_size(s), 2), dy = numbers(y_size(s), 3);
  const Reference dx = reference_dx(s, dy, w), sum = reference_sum(dx, x);
  for (const DType t : kTypes) {
    expect_close(backward_data(Device::cpu, t, s, dy, w), dx, t);
    expect_close(backward_data_add(Device::cpu, t, s, dy, w, x), sum, t);
  }
}

void check_weight(const Conv2dShape& s) {
  SCOPED_TRACE(text(s));
  const Numbers x = numbers(x_size(s), 1), dy = numbers(y_size(s), 3);
  const Reference dw = reference_dw(s, x, dy);
  for (const DType t : kTypes) expect_close(backward_weight(Device::cpu, t, s, x, dy), dw, DType::f32);
}

void check_all(const Conv2dShape& s) {
  check_forward(s);
  check_data(s);
  check_weight(s);
}

// --- Winograd ---

Conv2dShape filter_of_nine(int c, int k) {
  return {.n = 1, .h = 1, .w = 1, .c = c, .k = k, .r = 3, .s = 3, .stride = 1, .pad = 1};
}

// The smallest square images for which a filter is packed for tiles of so many outputs.
Conv2dShape packed_for(int outputs, int c, int k) {
  Conv2dShape s = filter_of_nine(c, k);
  while (s.h < 64 && conv2d::winograd_outputs(s, tile()) != outputs) ++s.h, ++s.w;
  EXPECT_EQ(conv2d::winograd_outputs(s, tile()), outputs);
  return s;
}

// Rounding errors of a tile are those of all its inputs, whatever of them a filter at the border sees.
constexpr double kWinogradSlack = 10;

TEST(Conv2dResidues, WinogradAtEveryHeightAndWidth) {
  for (const int outputs : {2, 4})
    for (int h = 1; h <= 2 * outputs; ++h)
      for (int w = 1; w <= 2 * outputs; ++w) {
        Conv2dShape s = packed_for(outputs, tile().lanes(), tile().block);
        const Conv2dShape packed = s;
        s.n = 2, s.h = h, s.w = w;
        SCOPED_TRACE(std::to_string(outputs) + " outputs, " + text(s));
        check_infer(s, packed, DType::f32, kActivations[std::size_t(w) % std::size(kActivations)], kWinogradSlack);
      }
}

// Tiles are taken in chunks of a register tile's rows; if they are few, the threads share the filters instead.
TEST(Conv2dResidues, WinogradAtEveryNumberOfTilesAndBlocks) {
  const int rows = tile().rows;
  for (const int outputs : {2, 4})
    for (const int blocks : {1, 3})
      for (const int threads : {1, 2, 3}) {
        const Threads guard(threads);
        for (const int n : {1, rows - 1, rows, rows + 1, 2 * threads * rows - 1, 2 * threads * rows,
                            2 * threads * rows + 1, 3 * threads * rows + 1}) {
          Conv2dShape s = packed_for(outputs, blocks * tile().lanes(), blocks * tile().block);
          const Conv2dShape packed = s;
          s.n = n, s.h = 1, s.w = 2;
          SCOPED_TRACE(std::to_string(outputs) + " outputs, " + std::to_string(threads) + " threads, " + text(s));
          check_infer(s, packed, DType::f32, Activation::relu, kWinogradSlack);
        }
      }
}

// F(2x2) if it needs at most 3/5 of the products of the definition, F(4x4) if that needs at most 3/5 of F(2x2)'s; up to
// 13 tiles cost the same.
TEST(Conv2dResidues, WinogradIsChosenByItsProducts) {
  const auto inside = [](int size) {
    int count = 0;
    for (int i = 0; i < size; ++i)
      for (int tap = -1; tap <= 1; ++tap) count += i + tap >= 0 && i + tap < size;
    return count;
  };
  std::set<int> ties;
  for (int h = 1; h <= 40; ++h)
    for (int w = 1; w <= 40; ++w) {
      const auto products = [&](int m) {
        int tiles = 0;
        for (int i = 0; i < h; i += m)
          for (int j = 0; j < w; j += m) ++tiles;
        return (m + 2) * (m + 2) * (tiles < 13 ? 13 : tiles);
      };
      const int direct = inside(h) * inside(w), two = products(2), four = products(4);
      int wanted = 2;
      if (5 * four <= 3 * two) wanted = 4;
      if (5 * two > 3 * direct) wanted = 0;
      if (5 * two == 3 * direct || (wanted && 5 * four == 3 * two)) ties.insert(wanted);
      Conv2dShape s = filter_of_nine(tile().lanes(), tile().block);
      s.h = h, s.w = w;
      ASSERT_EQ(conv2d::winograd_outputs(s, tile()), wanted) << h << " x " << w;
    }
  EXPECT_EQ(ties, (std::set{2, 4})) << "both comparisons meet an exact tie";
}

TEST(Conv2dResidues, WinogradServesWholeVectorsOfPlainThreeByThreeOnly) {
  Conv2dShape good = filter_of_nine(tile().lanes(), tile().block);
  good.h = 20, good.w = 21;
  for (int c = 1; c <= 3 * tile().lanes(); ++c)
    for (int k = 1; k <= 2 * tile().block; ++k) {
      Conv2dShape s = good;
      s.c = c, s.k = k;
      ASSERT_EQ(conv2d::winograd_outputs(s, tile()) != 0, c % tile().lanes() == 0 && k % tile().block == 0) << text(s);
    }
  for (int Conv2dShape::*size : {&Conv2dShape::r, &Conv2dShape::s, &Conv2dShape::stride})
    for (const int change : {-1, 1}) {
      Conv2dShape s = good;
      s.*size += change;
      EXPECT_EQ(conv2d::winograd_outputs(s, tile()), 0) << text(s);
    }
  for (const Padding& pad : {Padding(0), Padding(2), Padding(0, 1, 1, 1), Padding(1, 0, 1, 1), Padding(1, 1, 1, 2)}) {
    Conv2dShape s = good;
    s.pad = pad;
    EXPECT_EQ(conv2d::winograd_outputs(s, tile()), 0) << text(s);
    const Numbers x = numbers(x_size(s), 1), w = numbers(w_size(s), 2);
    EXPECT_THROW(infer(Device::cpu, DType::f32, s, good, {}, x, w, {}, {}), std::logic_error);
  }
}

// --- The gathered product and the weight gradient ---

TEST(Conv2dResidues, EveryNumberOfPixels) {
  for (int w = 1; w <= 2 * tile().rows + 1; ++w) check_all({.n = 1, .h = 1, .w = w, .c = 3, .k = 5, .r = 1, .s = 1});
}

// c below a cache line and a filter wider than 1 fold; both sides in f32 and in pairs of bf16.
TEST(Conv2dResidues, EveryNumberOfChannels) {
  for (int size = 1; size <= 2 * tile().block + 1; ++size)
    for (const int other : {3, 18}) {
      check_all({.n = 1, .h = 3, .w = 2, .c = size, .k = other, .r = 3, .s = 3, .pad = 1});
      check_all({.n = 3, .h = 2, .w = 2, .c = other, .k = size, .r = 2, .s = 2, .pad = 1});
      check_all({.n = 2, .h = 1, .w = 2, .c = size, .k = other, .r = 1, .s = 1});
    }
}

TEST(Conv2dResidues, EveryStrideAndBorder) {
  for (const int c : {2, 17})
    for (int h = 1; h <= 4; ++h)
      for (int w = 1; w <= 5; ++w)
        for (const auto& [r, s] : {std::pair{1, 1}, {3, 3}, {2, 3}, {3, 2}})
          for (int stride = 1; stride <= 3; ++stride)
            for (const Padding& pad : {Padding(0), Padding(1), Padding(3), Padding(0, 1, 0, 1), Padding(2, 0, 1, 3)})
              if (h + pad.height() >= r && w + pad.width() >= s)
                check_all({.n = 2, .h = h, .w = w, .c = c, .k = 3, .r = r, .s = s, .stride = stride, .pad = pad});
}

// Parts of 1 to 18 channels, copied, folded or read as they are, in f32 and in pairs of bf16.
TEST(Conv2dResidues, EveryGroup) {
  const int block = tile().block;
  for (const int groups : {2, 3, 8})
    for (const auto& [c, k] : {std::pair{1, 2}, {2, 1}, {3, 3}, {4, 18}, {18, 5}, {16, block}, {block + 1, 16}})
      for (const int stride : {1, 2})
        for (const Padding& pad : {Padding(0), Padding(1), Padding(0, 1, 0, 1)})
          check_all({.n = 2,
                     .h = 5,
                     .w = 4,
                     .c = groups * c,
                     .k = groups * k,
                     .r = 3,
                     .s = 3,
                     .stride = stride,
                     .pad = pad,
                     .groups = groups});
  check_all({.n = 3, .h = 1, .w = 9, .c = 256, .k = 4, .r = 1, .s = 2, .groups = 2});  // conflicts in the cache
  check_all({.n = 2, .h = 4, .w = 3, .c = 6, .k = 10, .r = 1, .s = 1, .stride = 2, .groups = 2});
}

// Vectors of channels, tiles of pixels, and rows and columns that not every tap reaches.
TEST(Conv2dResidues, DepthwiseAtEveryNumberOfChannelsAndColumns) {
  const auto depthwise = [](int h, int w, int c, int kernel, int stride, const Padding& pad) {
    if (h + pad.height() >= kernel && w + pad.width() >= kernel)
      check_all({.n = 2,
                 .h = h,
                 .w = w,
                 .c = c,
                 .k = c,
                 .r = kernel,
                 .s = kernel,
                 .stride = stride,
                 .pad = pad,
                 .groups = c});
  };
  for (int c = 2; c <= 2 * tile().lanes() + 1; ++c) depthwise(3, 4, c, 3, 1, 1);
  for (int w = 1; w <= 2 * conv2d::kDepthwiseTile + 3; ++w)
    for (const int stride : {1, 2}) depthwise(3, w, 5, 3, stride, 1);
  for (const int kernel : {1, 2, 3, 5, 7})
    for (const int stride : {1, 2, 3})
      for (int h = 1; h <= 8; h += kernel == 5 ? 1 : 3)
        for (const Padding& pad :
             {Padding(0), Padding(1), Padding(kernel / 2), Padding(0, 1, 0, 1), Padding(2, 0, 1, 3)})
          depthwise(h, 9 - h, tile().lanes() + 2, kernel, stride, pad);
}

// A large result goes past the caches, with the same bits.
TEST(Conv2dResidues, DepthwiseOfALargeBatchIsThatOfItsImages) {
  Conv2dShape s{.n = 2, .h = 260, .w = 513, .c = 32, .k = 32, .r = 3, .s = 3, .pad = 1, .groups = 32};
  ASSERT_TRUE(y_size(s) * sizeof(float) > 32 << 20);
  const Numbers w = numbers(w_size(s), 2), x = numbers(x_size(s), 1);
  const std::ptrdiff_t image = std::ptrdiff_t(x.size()) / 2;
  const Numbers all = forward(Device::cpu, DType::f32, s, x, w), dx = backward_data(Device::cpu, DType::f32, s, x, w);
  s.n = 1;
  for (const std::ptrdiff_t i : {0, 1}) {
    const auto part = [&](const Numbers& v) { return Numbers(v.begin() + i * image, v.begin() + (i + 1) * image); };
    expect_equal_bits(part(all), forward(Device::cpu, DType::f32, s, part(x), w));
    expect_equal_bits(part(dx), backward_data(Device::cpu, DType::f32, s, part(x), w));
  }
}

// Small maps go tap by tap until there are enough images for tiles of pixels that the same taps reach.
TEST(Conv2dResidues, ByTapsAndByPixels) {
  const auto sweep = [](const auto& route, const auto& check) {
    std::set<bool> seen;
    for (int n = 1; n <= 12; ++n) {
      const Conv2dShape s{.n = n, .h = 3, .w = 2, .c = 17, .k = tile().block + 2, .r = 3, .s = 3, .pad = 1};
      for (const DType t : kTypes) seen.insert(route(s, t, tile())->plan.by_taps);
      check(s);
    }
    EXPECT_EQ(seen.size(), 2u);
  };
  sweep(conv2d::forward_route, check_forward);
  sweep(conv2d::backward_route, check_data);
}

// A large filter with many blocks: a panel at a time, made by the thread that uses it, or all made before. With
// channels in a power of two the input is copied, a cache line between pixels.
TEST(Conv2dResidues, LargeFiltersAndConflictsInTheCache) {
  for (const int threads : {1, 2})
    for (const int less : {0, 1}) {
      const Threads guard(threads);
      const int wide = 768 * 16 / built_for.lanes(), narrow = 4 * tile().block - less;
      Conv2dShape s{.n = 4, .h = 1, .w = 3, .c = wide, .k = narrow, .r = 1, .s = 2};
      const auto expect_path = [&](const auto& route) {
        EXPECT_TRUE(route->plan.panel_outer && !route->plan.by_taps && route->plan.blocks == 4);
        EXPECT_TRUE(route->copied && route->plan.gather.pixel_step == wide + conv2d::kLine);
      };
      expect_path(conv2d::forward_route(s, DType::f32, tile()));
      check_forward(s);
      std::swap(s.c, s.k);
      expect_path(conv2d::backward_route(s, DType::f32, tile()));
      check_data(s);
    }
}

// dw takes images in blocks that fit a cache, and copies some blocks at a time; f32 columns in whole tiles lie as they are.
TEST(Conv2dResidues, WeightGradientAtEveryBlockAndChunkOfImages) {
  const int block = tile().block;
  for (Conv2dShape s : {Conv2dShape{.n = 1 << 16, .h = 31, .w = 32, .c = 1, .k = 2, .r = 1, .s = 1},
                        {.n = 1 << 16, .h = 32, .w = 31, .c = 1, .k = 2, .r = 1, .s = 2, .pad = 1},
                        {.n = 1 << 16, .h = 32, .w = 31, .c = 1, .k = block, .r = 1, .s = 2}}) {
    std::set<int> images{1, 2, 3};
    for (const DType t : kTypes) {
      const conv2d::WeightPlan plan = conv2d::weight_plan(s, t, tile());
      EXPECT_EQ(plan.dy_as_is, t == DType::f32 && s.k == block);
      ASSERT_TRUE(plan.block > 1 && plan.chunk > plan.block) << text(s);
      for (const int n : {plan.block, plan.chunk, plan.chunk + plan.block})
        if (n < 300)  // a chunk of what need not be copied is large
          for (const int more : {-1, 0, 1}) images.insert(n * (plan.pairs ? 2 : 1) + more);
    }
    for (const int n : images) {
      s.n = n;
      check_weight(s);
    }
  }
}

}  // namespace
}  // namespace pc::test
