#include "bench/bench.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <string_view>

#include "bench/roofline.h"
#include "kernels/base/parallel.h"
#include "kernels/base/random.h"
#include "kernels/cast/cast.h"

namespace pc::bench {
namespace {

// With --benchmark_list_tests, a build with CUDA lists the GPU's cases even without a GPU.
bool listing = false;
bool without = false;
std::filesystem::path engines;

}  // namespace

bool ablating() { return without; }
std::filesystem::path engine_folder() { return engines; }
bool engines_are_tuned() { return !engines.empty() && cuda_available(); }

Tensor random_tensor(const Shape& shape, DType dtype, Device device, uint64_t seed) {
  // A GPU's inputs are large and would be drawn for seconds: a block of 4 million values is repeated there.
  constexpr int64_t kBlock = 4'194'301;  // a prime, so that no row or channel sees the same values again
  if (const int64_t size = element_count(shape); device == Device::cuda && size > kBlock) {
    const Tensor block = random_tensor({kBlock}, dtype, device, seed);
    Tensor x(shape, dtype, device);
    const std::size_t width = size_of(dtype);
    for (int64_t at = 0; at < size; at += kBlock)
      memory::copy(device, x.as<char>() + std::size_t(at) * width, device, block.data(),
                   std::size_t(std::min(kBlock, size - at)) * width);
    return x;
  }
  Tensor values(shape, DType::f32, Device::cpu);
  parallel_for(values.size(), 1 << 16, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) values.as<float>()[i] = 2 * uniform(philox(seed, 0, uint64_t(i)).word[0]) - 1;
  });
  if (dtype == DType::f32) return values.to(device);
  Tensor low(shape, dtype, Device::cpu);
  cast_cpu.forward(values.size(), DType::f32, values.data(), dtype, low.data());
  return low.to(device);
}

Ring::Ring(const Shape& shape, DType dtype, Device device, int copies) {
  tensors_.push_back(random_tensor(shape, dtype, device));
  for (int i = 1; i < copies; ++i) tensors_.push_back(tensors_.front().clone());
}

Ring::Ring(const Ring& other) {
  for (const Tensor& tensor : other.tensors_) tensors_.push_back(tensor.clone());
}

bool Ring::finite() const {
  for (const float value : tensors_.front().to_vector<float>())
    if (!std::isfinite(value)) return false;
  return true;
}

int copies_for(double bytes) {
  constexpr double kBeyondCaches = 96e6;
  return int(std::clamp(std::ceil(kBeyondCaches / bytes), 1.0, 32.0));
}

namespace {

void count(benchmark::State& state, const Work& work) {
  using benchmark::Counter;
  const Roofline& roof = roofline(work.device);
  const double least = std::max(work.flops / roof.flops(work.dtype), work.bytes / roof.copy);
  state.counters["bytes"] = work.bytes;
  state.counters["flops"] = work.flops;
  state.counters["count"] = work.count;
  state.counters["GB/s"] = Counter(work.bytes * 1e-9, Counter::kIsIterationInvariantRate);
  state.counters["GFLOP/s"] = Counter(work.flops * 1e-9, Counter::kIsIterationInvariantRate);
  state.counters["roof%"] = Counter(100 * least, Counter::kIsIterationInvariantRate);
}

void time_on_cpu(benchmark::State& state, const Subject& subject) {
  int64_t i = 0;
  for (auto _ : state) subject.call(i++);
}

// A launch returns before its kernel has run: a slice of calls is timed between two synchronizations.
void time_on_cuda(benchmark::State& state, const Subject& subject) {
  constexpr int kSlice = 10;
  int64_t i = 0;
  for (auto _ : state) {
    memory::synchronize(Device::cuda);
    const auto start = std::chrono::steady_clock::now();
    for (int k = 0; k < kSlice; ++k) subject.call(i++);
    memory::synchronize(Device::cuda);
    state.SetIterationTime(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() / kSlice);
  }
}

void run(benchmark::State& state, const std::function<Subject()>& prepare) {
  const Subject subject = prepare();
  subject.call(0);
  for (const Ring* output : subject.outputs)
    if (!output->finite()) return state.SkipWithError("the result is not finite");
  if (subject.work.device == Device::cpu)
    time_on_cpu(state, subject);
  else
    time_on_cuda(state, subject);
  count(state, subject.work);
}

}  // namespace

void add(const std::string& name, const std::function<Subject()>& prepare) {
  auto* benchmark =
      benchmark::RegisterBenchmark(name.c_str(), [prepare](benchmark::State& state) { run(state, prepare); });
  benchmark->Unit(benchmark::kMicrosecond);
  if (name.find("/cuda/") != std::string::npos)
    benchmark->UseManualTime();
  else
    benchmark->UseRealTime();
}

void measure_rooflines() {
  if (listing) return;
  for (const Setting& setting : settings()) {
    const Roofline& r = roofline(setting.device);
    const std::string device = name_of(setting.device);
    benchmark::AddCustomContext(device + "_copy_GB_per_s", fmt::format("{:.1f}", r.copy * 1e-9));
    benchmark::AddCustomContext(device + "_f32_GFLOP_per_s", fmt::format("{:.0f}", r.f32 * 1e-9));
    benchmark::AddCustomContext(device + "_16bit_GFLOP_per_s", fmt::format("{:.0f}", r.low * 1e-9));
  }
}

std::vector<Setting> settings() {
  std::vector<Setting> all{{Device::cpu, {DType::f32, DType::bf16}, {{64, 80, 60}, {8, 224, 224}}}};
  if (cuda_available() || (listing && PC_HAVE_CUDA))
    all.push_back({Device::cuda, {DType::f32, DType::bf16, DType::f16}, {{256, 80, 60}, {256, 224, 224}}});
  return all;
}

std::string label(Device device, DType dtype, const Setting::Input& input) {
  return fmt::format("{}/{}/{}x{}/b{}", name_of(device), name_of(dtype), input.h, input.w, input.n);
}

void for_each_setting(const std::function<void(Device, DType, const Setting::Input&)>& f) {
  for (const Setting& setting : settings())
    for (const DType dtype : setting.dtypes)
      for (const Setting::Input& input : setting.inputs) f(setting.device, dtype, input);
}

std::vector<ConvLayer> resnet18_convs(const Setting::Input& input) {
  const Conv2dShape stem{
      .n = input.n, .h = input.h, .w = input.w, .c = 3, .k = 64, .r = 7, .s = 7, .stride = 2, .pad = 3};
  std::vector<ConvLayer> layers{{"stem", stem, 1}};
  int h = (stem.p() - 1) / 2 + 1, w = (stem.q() - 1) / 2 + 1, c = 64;  // after the max pool
  for (int stage = 1; stage <= 4; ++stage) {
    const std::string name = "layer" + std::to_string(stage);
    const int k = 32 << stage;
    if (stage > 1) {
      const Conv2dShape half{.n = input.n, .h = h, .w = w, .c = c, .k = k, .r = 3, .s = 3, .stride = 2, .pad = 1};
      layers.push_back({name + ".3x3/2", half, 1});
      layers.push_back(
          {name + ".1x1/2", {.n = input.n, .h = h, .w = w, .c = c, .k = k, .r = 1, .s = 1, .stride = 2}, 1});
      h = half.p(), w = half.q(), c = k;
    }
    const Conv2dShape same{.n = input.n, .h = h, .w = w, .c = c, .k = k, .r = 3, .s = 3, .stride = 1, .pad = 1};
    layers.push_back({name + ".3x3", same, stage > 1 ? 3 : 4});
  }
  return layers;
}

std::vector<char*> take_flags(int argc, char** argv) {
  std::vector<char*> others;
  for (int i = 0; i < argc; ++i) {
    listing |= std::string_view(argv[i]).starts_with("--benchmark_list_tests");
    if (std::string_view(argv[i]) == "--ablate")
      without = true;
    else if (std::string_view(argv[i]) == "--engines" && i + 1 < argc)
      engines = argv[++i];
    else
      others.push_back(argv[i]);
  }
  return others;
}

double mebibytes_at_peak() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmHWM:")) return std::strtod(line.c_str() + 6, nullptr) / 1024;
  return 0;
}

std::filesystem::path shared_folder() {
  const char* set = std::getenv("PC_SHARED");
  return set ? std::filesystem::path(set) : std::filesystem::path(PC_SOURCE_DIR) / ".." / "shared";
}

}  // namespace pc::bench
