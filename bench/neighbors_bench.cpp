// The five nearest products of a catalog of 44,441 images with 512 features each, as many as Kaggle's large one
// has.
#include <fmt/format.h>

#include <chrono>
#include <filesystem>

#include "bench/bench.h"
#include "tools/predict/neighbors.h"

namespace pc::bench {
namespace {

namespace fs = std::filesystem;

void time_search(benchmark::State& state) {
  constexpr int64_t kPictures = 44'441, kFeatures = 512;
  const fs::path file = fs::temp_directory_path() /
                        fmt::format("pc_bench_index_{}", std::chrono::steady_clock::now().time_since_epoch().count());
  const std::vector<float> features = random_tensor({kPictures, kFeatures}, DType::f32, Device::cpu).to_vector<float>();
  IndexBuilder builder;
  for (std::size_t i = 0; i < std::size_t(kPictures); ++i)
    builder.add(fmt::format("{}.jpg", i), std::span(features).subspan(i * kFeatures, kFeatures));
  builder.write(file, "bench");
  const EmbeddingIndex index(file, "bench");
  fs::remove(file);  // it stays mapped
  const auto query = std::span(features).first(kFeatures);
  if (index.nearest(query, 5).front().file != "0.jpg") return state.SkipWithError("a picture is not nearest to itself");
  for (auto _ : state) benchmark::DoNotOptimize(index.nearest(query, 5));
  state.counters["GB/s"] =
      benchmark::Counter(double(kPictures * kFeatures) * 4e-9, benchmark::Counter::kIsIterationInvariantRate);
}

}  // namespace

void register_all() {
  benchmark::RegisterBenchmark("nearest/cpu/f32/44441x512/k5", time_search)
      ->Unit(benchmark::kMillisecond)
      ->UseRealTime();
}

}  // namespace pc::bench
