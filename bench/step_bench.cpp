// A whole training step of ResNet18 on prepared input (training_step.h), with one head of 7 classes or the six of the product data.
//
// On CUDA the step is recorded as a graph. Counters: img/s, the time of each phase if it is not recorded, and peak
// memory (rss_MiB of the process so far, heap_MiB of the device's allocator): for the peak of one case alone select it
// with --benchmark_filter.
//
//   bench_step --ablate         the same step with one optimization removed, or with an optional one added
//   bench_step --engines DIR    with cuDNN's engines tuned as pctrain tunes them, kept in DIR/conv-engines.txt
#include <chrono>

#include "bench/bench.h"
#include "bench/training_step.h"
#include "kernels/conv2d/conv2d_plans.h"

namespace pc::bench {
namespace {

using Clock = std::chrono::steady_clock;

// Steps between two waits for the device, on both sides of a comparison (peers/step_server.py). pctrain does not wait within an epoch.
constexpr int kStepsPerWait = 10;

void time_steps(benchmark::State& state, Device device, DType dtype, const Setting::Input& input,
                const std::vector<int>& classes, bool record = true) {
  using benchmark::Counter;
  memory::trim(device);
  constexpr int kFirst = 4;  // the last of them records
  TrainingStep step(random_tensor({input.n, input.h, input.w, picture_channels(device, dtype)}, dtype, device), classes,
                    record);
  for (int i = 0; i < kFirst; ++i) step.run();
  if (!std::isfinite(step.loss())) return state.SkipWithError("the loss is not finite");
  for (double& phase : step.phases) phase = 0;
  const int steps = device == Device::cuda ? kStepsPerWait : 1;
  for (auto _ : state) {
    const auto start = Clock::now();
    for (int i = 0; i < steps; ++i) step.run();
    memory::synchronize(device);
    state.SetIterationTime(std::chrono::duration<double>(Clock::now() - start).count() / steps);
  }
  if (!step.finite()) return state.SkipWithError("the loss or a parameter is not finite after the timing");
  state.counters["img/s"] = Counter(input.n, Counter::kIsIterationInvariantRate);
  state.counters["loss"] = step.loss();
  const char* names[] = {"forward_ms", "backward_ms", "update_ms"};
  for (int i = 0; i < 3 && !step.recorded(); ++i)
    state.counters[names[i]] = Counter(1e3 * step.phases[i] / steps, Counter::kAvgIterations);
  state.counters["rss_MiB"] = mebibytes_at_peak();
  state.counters["heap_MiB"] = double(memory::stats(device).peak) / (1 << 20);
}

const std::vector<int> kOneHead{7}, kProductHeads{7, 45, 141, 46, 5, 8};  // as many as fashion-product-images-small has

// A step with one thing changed; cuDNN's engines are tuned, unless that is the thing.
void time_ablation(benchmark::State& state, const std::string& change, Device device, DType dtype,
                   const Setting::Input& input) {
  const auto& plans = PC_KERNELS(conv2d_plans, device);
  plans.tune(change != "without/tuned_engines");
  fusions() = {.norm_pool = change != "without/norm_pool",
               .norm_mean = change != "without/norm_mean",
               .dgrad_add = change != "without/dgrad_add",
               .branches = change != "without/branches",
               .conv_sums = change == "with/conv_sums" || change == "with/norm_conv",
               .norm_conv = change == "with/norm_conv",
               .persistent_norm = change == "with/persistent_norm"};
  time_steps(state, device, dtype, input, kOneHead, change != "without/cuda_graph");
  fusions() = {};
  plans.tune(engines_are_tuned());
}

void add_cases(Device device, DType dtype, const Setting::Input& input) {
  const auto add = [device](const std::string& name, const std::function<void(benchmark::State&)>& run) {
    auto* benchmark = benchmark::RegisterBenchmark(name.c_str(), run)->Unit(benchmark::kMillisecond);
    device == Device::cuda ? benchmark->UseManualTime() : benchmark->UseRealTime();
  };
  const std::string where = label(device, dtype, input);
  if (!ablating()) {
    add("step/" + where, [=](benchmark::State& state) { time_steps(state, device, dtype, input, kOneHead); });
    add("six_heads/" + where, [=](benchmark::State& state) { time_steps(state, device, dtype, input, kProductHeads); });
    return;
  }
  std::vector<std::string> changes{"without/nothing", "without/norm_pool", "without/norm_mean", "without/dgrad_add"};
  if (device == Device::cuda)
    changes.insert(changes.end(),
                   {"without/branches", "without/tuned_engines", "without/cuda_graph", "with/persistent_norm"});
  if (dtype == DType::f16)
    changes.insert(changes.end(), {"with/conv_sums", "with/norm_conv"});  // it includes conv_sums
  for (const std::string& change : changes)
    add(change + "/" + where, [=](benchmark::State& state) { time_ablation(state, change, device, dtype, input); });
}

}  // namespace

void register_all() {
  for (Setting setting : settings()) {
    if (setting.device == Device::cuda) {
      setting.inputs.clear();
      for (const auto& [h, w] : {std::pair{80, 60}, {96, 96}, {224, 224}})
        for (const int n : {256, 512}) setting.inputs.push_back({n, h, w});
    }
    for (const DType dtype : setting.dtypes)
      for (const Setting::Input& input : setting.inputs) add_cases(setting.device, dtype, input);
  }
}

}  // namespace pc::bench
