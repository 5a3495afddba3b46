// A whole training step of ResNet18 with one head of 7 classes on prepared input, as pctrain runs it: forward, loss,
// backward, update.
//
// Counters: img/s, the time of each phase, and peak memory (rss_MiB of the process so far, heap_MiB of the device's
// allocator): for the peak of one case alone select it with --benchmark_filter.
//
//   bench_step --ablate     the same step without one thing that makes it fast, one at a time
#include <chrono>
#include <cmath>

#include "bench/bench.h"
#include "engine/ops.h"
#include "engine/optimizer.h"
#include "kernels/conv2d/conv2d_plans.h"
#include "models/classifier.h"

namespace pc::bench {
namespace {

using Clock = std::chrono::steady_clock;

class Step {
 public:
  Step(Device device, DType dtype, const Setting::Input& input)
      : device_(device),
        model_(make_classifier("resnet18", {{"fc", 7}}, 1)),
        optimizer_((move_to(*model_, device), *model_), {.weight_decay = 1e-4f}),
        x_(random_tensor({input.n, input.h, input.w, 3}, dtype, device)) {
    std::vector<int32_t> labels;
    for (int i = 0; i < input.n; ++i) labels.push_back(i * 5 % 7);
    targets_ = Targets::of(labels, device);
  }

  // Returns the loss; adds the time of each phase.
  float run() {
    const auto start = Clock::now();
    const Var loss = cross_entropy(model_->forward(Var(x_), Mode::train).front(), targets_, 0.1f);
    const auto forward = mark(start, phases[0]);
    backward({loss}, {1.0f});
    const auto backward = mark(forward, phases[1]);
    optimizer_.step(0.01f);
    mark(backward, phases[2]);
    return loss.value().item();
  }

  double phases[3] = {};  // seconds of forward with loss, backward, update

 private:
  Clock::time_point mark(Clock::time_point since, double& seconds) const {
    memory::synchronize(device_);
    const auto now = Clock::now();
    seconds += std::chrono::duration<double>(now - since).count();
    return now;
  }

  Device device_;
  std::unique_ptr<Classifier> model_;
  Optimizer optimizer_;
  Tensor x_;
  Targets targets_;
};

void time_steps(benchmark::State& state, Device device, DType dtype, const Setting::Input& input) {
  using benchmark::Counter;
  memory::trim(device);
  Step step(device, dtype, input);
  for (int i = 0; i < 2; ++i)
    if (!std::isfinite(step.run())) return state.SkipWithError("the loss is not finite");
  for (double& phase : step.phases) phase = 0;
  for (auto _ : state) step.run();
  state.counters["img/s"] = Counter(input.n, Counter::kIsIterationInvariantRate);
  const char* names[] = {"forward_ms", "backward_ms", "update_ms"};
  for (int i = 0; i < 3; ++i) state.counters[names[i]] = Counter(1e3 * step.phases[i], Counter::kAvgIterations);
  state.counters["rss_MiB"] = mebibytes_at_peak();
  state.counters["heap_MiB"] = double(memory::stats(device).peak) / (1 << 20);
}

// A step that does without one thing; the engines are chosen by trying unless that is the thing.
void time_ablation(benchmark::State& state, const std::string& without, Device device, DType dtype,
                   const Setting::Input& input) {
  const auto& plans = PC_KERNELS(conv2d_plans, device);
  plans.tune(without != "tuned_engines");
  fusions().norm_pool = without != "norm_pool";
  fusions().dgrad_add = without != "dgrad_add";
  fusions().branches = without != "branches";
  time_steps(state, device, dtype, input);
  fusions() = {};
  plans.tune(false);
}

void add_cases(Device device, DType dtype, const Setting::Input& input) {
  const auto add = [](const std::string& name, const std::function<void(benchmark::State&)>& run) {
    benchmark::RegisterBenchmark(name.c_str(), run)->Unit(benchmark::kMillisecond)->UseRealTime();
  };
  const std::string where = label(device, dtype, input);
  if (!ablating())
    return add("step/" + where, [=](benchmark::State& state) { time_steps(state, device, dtype, input); });
  for (const std::string without : {"nothing", "norm_pool", "dgrad_add", "branches", "tuned_engines"})
    if (device == Device::cuda || (without != "branches" && without != "tuned_engines"))
      add("without/" + without + "/" + where,
          [=](benchmark::State& state) { time_ablation(state, without, device, dtype, input); });
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
