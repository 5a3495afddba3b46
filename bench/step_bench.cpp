// A whole training step of ResNet18 with one head of 7 classes on prepared input, as pctrain runs it: forward, loss,
// backward, update.
//
// On CUDA the step is recorded as a graph. Counters: img/s, the time of each phase if it is not recorded, and peak
// memory (rss_MiB of the process so far, heap_MiB of the device's allocator): for the peak of one case alone select it
// with --benchmark_filter.
//
//   bench_step --ablate     the same step with one optimization removed, or with an optional one added
#include <chrono>
#include <cmath>

#include "bench/bench.h"
#include "engine/ops.h"
#include "engine/optimizer.h"
#include "engine/replay.h"
#include "kernels/conv2d/conv2d_plans.h"
#include "models/classifier.h"

namespace pc::bench {
namespace {

using Clock = std::chrono::steady_clock;

class Step {
 public:
  Step(Device device, DType dtype, const Setting::Input& input, bool record)
      : device_(device),
        record_(record && device == Device::cuda),
        model_(make_classifier("resnet18", {{"fc", 7}}, 1)),
        optimizer_((move_to(*model_, device), *model_), {.weight_decay = 1e-4f}),
        x_(random_tensor({input.n, input.h, input.w, picture_channels(device, dtype)}, dtype, device)),
        lr_(Tensor::full({}, 0.01f, device)),
        loss_({}, DType::f32, device),
        replay_(device, record_) {
    std::vector<int32_t> labels;
    for (int i = 0; i < input.n; ++i) labels.push_back(i * 5 % 7);
    targets_ = Targets::of(labels, device);
  }

  // Returns the loss; adds the time of each phase, which a recorded step does not have.
  float run() {
    replay_.run([this] { work(); });
    memory::synchronize(device_);
    return loss_.item();
  }
  bool recorded() const { return record_; }

  double phases[3] = {};  // seconds of forward with loss, backward, update

 private:
  void work() {
    auto since = Clock::now();
    Var loss = cross_entropy(model_->forward(Var(x_), Mode::train).front(), targets_, 0.1f);
    loss_.copy_from(loss.value());
    since = mark(since, phases[0]);
    loss.backward();
    since = mark(since, phases[1]);
    optimizer_.step(lr_);
    mark(since, phases[2]);
  }

  Clock::time_point mark(Clock::time_point since, double& seconds) const {
    if (record_) return since;
    memory::synchronize(device_);
    const auto now = Clock::now();
    seconds += std::chrono::duration<double>(now - since).count();
    return now;
  }

  Device device_;
  bool record_;
  std::unique_ptr<Classifier> model_;
  Optimizer optimizer_;
  Tensor x_, lr_, loss_;
  Targets targets_;
  Replay replay_;
};

void time_steps(benchmark::State& state, Device device, DType dtype, const Setting::Input& input, bool record = true) {
  using benchmark::Counter;
  memory::trim(device);
  constexpr int kFirst = 4;  // the last of them records
  Step step(device, dtype, input, record);
  for (int i = 0; i < kFirst; ++i)
    if (!std::isfinite(step.run())) return state.SkipWithError("the loss is not finite");
  for (double& phase : step.phases) phase = 0;
  for (auto _ : state) step.run();
  state.counters["img/s"] = Counter(input.n, Counter::kIsIterationInvariantRate);
  const char* names[] = {"forward_ms", "backward_ms", "update_ms"};
  for (int i = 0; i < 3 && !step.recorded(); ++i)
    state.counters[names[i]] = Counter(1e3 * step.phases[i], Counter::kAvgIterations);
  state.counters["rss_MiB"] = mebibytes_at_peak();
  state.counters["heap_MiB"] = double(memory::stats(device).peak) / (1 << 20);
}

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
  time_steps(state, device, dtype, input, change != "without/cuda_graph");
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
