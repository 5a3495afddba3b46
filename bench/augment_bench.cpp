// augment: u8 images to the network's input: training's random crops of 80x60 images, and photos reduced for
// prediction. draw: the random numbers for each training image, on one core of the host.
#include "bench/bench.h"
#include "engine/augmentation.h"
#include "engine/ops.h"
#include "kernels/augment/augment.h"
#include "kernels/base/random.h"

namespace pc::bench {
namespace {

struct Case {
  std::string name;
  int n, h, w;  // images
  Preprocess preprocess;
  bool random;
};

struct Buffers {
  Tensor pixels, samples;
  Ring y;
  Buffers(const Case& c, DType t, Device d)
      : y({c.n, c.preprocess.height, c.preprocess.width, picture_channels(d, t)}, t, d, 1) {
    const int64_t size = int64_t(c.h) * c.w * 3;
    const Tensor host({size * c.n}, DType::u8, Device::cpu),
        table({int64_t(sizeof(AugmentSample)) * c.n}, DType::u8, Device::cpu);
    for (int64_t i = 0; i < host.size(); ++i) host.as<uint8_t>()[i] = uint8_t(philox(1, 0, uint64_t(i)).word[0]);
    for (int i = 0; i < c.n; ++i)
      table.as<AugmentSample>()[i] = c.random ? draw(c.preprocess, {}, 1, 0, uint64_t(i), i * size, c.h, c.w)
                                              : c.preprocess.identity(i * size, c.h, c.w);
    pixels = host.to(d);
    samples = table.to(d);
  }
};

void time_draws(benchmark::State& state) {
  const Augmentation all{.rotate = 15,
                         .brightness = 0.4f,
                         .contrast = 0.4f,
                         .saturation = 0.4f,
                         .temperature = 0.2f,
                         .erase = 0.5f,
                         .trivial = 0.5f,
                         .background = 0.5f,
                         .surfaces = 1024};
  uint64_t index = 0;
  for (auto _ : state) benchmark::DoNotOptimize(draw({}, all, 1, 0, index++, 0, 80, 60));
  state.counters["samples/s"] = benchmark::Counter(1, benchmark::Counter::kIsIterationInvariantRate);
}

}  // namespace

void register_all() {
  measure_rooflines();
  benchmark::RegisterBenchmark("draw/one_core", time_draws);
  const Preprocess small{}, large{.height = 224, .width = 224};
  const std::vector<Case> cases{{"crop_80x60", 64, 80, 60, small, true},
                                {"whole_80x60", 64, 80, 60, small, false},
                                {"photo_3000x4000_to_80x60", 1, 3000, 4000, small, false},
                                {"photo_600x800_to_224x224", 8, 600, 800, large, false}};
  for (const Setting& setting : settings())
    for (const DType dtype : setting.dtypes)
      for (const Case& c : cases) {
        const Device device = setting.device;
        const auto* kernels = &PC_KERNELS(augment, device);
        const int channels = picture_channels(device, dtype);
        const double in = double(c.n) * c.h * c.w * 3,
                     out = double(c.n) * c.preprocess.height * c.preprocess.width * channels;
        add(c.name + "/" + name_of(device) + "/" + name_of(dtype) + "/b" + std::to_string(c.n), [=] {
          const auto b = std::make_shared<Buffers>(c, dtype, device);
          AugmentShape shape = c.preprocess.shape();
          shape.n = c.n;
          shape.channels = channels;
          return Subject{{device, dtype, 2 * std::max(in, 4 * out), in + out * double(size_of(dtype))},
                         [=](int64_t i) {
                           kernels->forward(shape, dtype, {.pixels = b->pixels.as<uint8_t>()},
                                            b->samples.as<AugmentSample>(), b->y[i]);
                         },
                         {&b->y}};
        });
      }
}

}  // namespace pc::bench
