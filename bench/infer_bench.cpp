// Inference of ResNet18 with 1000 classes, batch norms folded: batches of 1 and 32 at the sizes people use. On CUDA it
// is recorded as a graph.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <vector>

#include "bench/bench.h"
#include "engine/replay.h"
#include "models/classifier.h"

namespace pc::bench {
namespace {

using Clock = std::chrono::steady_clock;

void time_inference(benchmark::State& state, Device device, DType dtype, const Setting::Input& input) {
  const NoGrad no_grad;
  const auto model = make_classifier("resnet18", {{"fc", 1000}}, 1);
  move_to(*model, device);
  const Var x(random_tensor({input.n, input.h, input.w, 3}, dtype, device));
  Replay replay(device, true);
  Var logits;
  const auto infer = [&] {
    replay.run([&] {
      logits = {};  // freed before the next ones are allocated, so that a recording gets the same memory every time
      logits = model->forward(x, Mode::infer).front();
    });
    memory::synchronize(device);
  };
  constexpr int kFirst = 4;  // on a GPU the last of them records
  for (int i = 0; i < kFirst; ++i) {
    infer();
    for (const float value : logits.value().to_vector<float>())
      if (!std::isfinite(value)) return state.SkipWithError("the logits are not finite");
  }
  std::vector<double> seconds;
  for (auto _ : state) {
    const auto start = Clock::now();
    infer();
    seconds.push_back(std::chrono::duration<double>(Clock::now() - start).count());
  }
  using benchmark::Counter;
  state.counters["img/s"] = Counter(input.n, Counter::kIsIterationInvariantRate);
  const auto middle = seconds.begin() + std::ptrdiff_t(seconds.size() / 2);
  std::nth_element(seconds.begin(), middle, seconds.end());
  state.counters["median_img/s"] = input.n / *middle;  // as the peers' scripts count
  state.counters["rss_MiB"] = mebibytes_at_peak();
}

}  // namespace

void register_all() {
  for (const Setting& setting : settings())
    for (const DType dtype : setting.dtypes)
      for (const auto& [h, w] : {std::pair{80, 60}, std::pair{96, 72}, std::pair{224, 224}})
        for (const int n : {1, 32}) {
          const Setting::Input input{n, h, w};
          benchmark::RegisterBenchmark(
              ("infer/" + label(setting.device, dtype, input)).c_str(),
              [=, device = setting.device](benchmark::State& state) { time_inference(state, device, dtype, input); })
              ->Unit(benchmark::kMillisecond)
              ->UseRealTime();
        }
}

}  // namespace pc::bench
