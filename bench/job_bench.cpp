// A batch job of pcpredict, images in a folder to rows in a CSV file, against the network's forward pass alone:
// ResNet18 at 80x60, batches of 32.
//
// Counters: images a second of both, taken in turn, and job%: the job's rate relative to the forward pass alone.
// job_cpu% is the same ratio of processor time, over all threads, for machines with other load.
#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <ctime>
#include <filesystem>

#include "bench/bench.h"
#include "data/jpeg.h"
#include "kernels/base/file.h"
#include "tools/predict/job.h"

namespace pc::bench {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr int kPictures = 2048, kBatch = 32;

Image wavy_picture(int seed) {
  Image image{.h = 80, .w = 60, .pixels = {}};
  for (int i = 0; i < image.h * image.w * 3; ++i)
    image.pixels.push_back(uint8_t(127.5 + 90 * std::sin(0.01 * (seed + 1) * i) + 30 * std::cos(0.7 * i + seed)));
  return image;
}

// A directory with a model and its images, removed at the end.
class Shop {
 public:
  Shop()
      : folder_(fs::temp_directory_path() / fmt::format("pc_bench_job_{}", Clock::now().time_since_epoch().count())) {
    fs::create_directories(folder_ / "pictures");
    const ModelInfo info{
        .architecture = "resnet18", .heads = {{"kind", std::vector<std::string>(142, "label")}}, .preprocess = {}};
    save_model(folder_ / "model", info, *make_classifier(info.architecture, info.head_shapes(), 1));
    for (int i = 0; i < kPictures; ++i) {
      const auto jpeg = encode_jpeg(wavy_picture(i));
      write_file_atomically(folder_ / "pictures" / fmt::format("{}.jpg", i),
                            {reinterpret_cast<const char*>(jpeg.data()), jpeg.size()});
    }
  }
  ~Shop() { fs::remove_all(folder_); }
  fs::path model() const { return folder_ / "model"; }
  // Whether every image got its row.
  bool run_job(Predictor& predictor) const {
    const JobOptions options{.inputs = {.places = {(folder_ / "pictures").string()}, .list = ""},
                             .format = RowFormat::csv,
                             .network = {.batch = kBatch},
                             .output = (folder_ / "rows.csv").string()};
    return Job(options, predictor).run() == Exit::ok;
  }

 private:
  fs::path folder_;
};

// Wall-clock seconds, and the processor time of all threads of this process.
struct Seconds {
  double real = 0, cpu = 0;
  void add(const std::function<void()>& work) {
    const auto start = Clock::now();
    const std::clock_t before = std::clock();
    work();
    cpu += double(std::clock() - before) / CLOCKS_PER_SEC;
    real += std::chrono::duration<double>(Clock::now() - start).count();
  }
};

void time_job(benchmark::State& state, Device device, DType dtype) {
  const Shop shop;
  Predictor predictor(shop.model(), {.device = device, .precision = dtype});
  std::vector<Tensor> inputs;
  for (int i = 0; i < kBatch; ++i) inputs.push_back(predictor.prepare(wavy_picture(i)));
  Seconds forward, job;
  bool whole = true;
  predictor.answer(inputs);
  for (auto _ : state) {
    forward.add([&] {
      for (int i = 0; i < kPictures; i += kBatch) benchmark::DoNotOptimize(predictor.answer(inputs));
    });
    job.add([&] { whole = whole && shop.run_job(predictor); });
  }
  if (!whole) return state.SkipWithError("not every picture was predicted");
  const double pictures = double(kPictures) * double(state.iterations());
  state.counters["forward_img/s"] = pictures / forward.real;
  state.counters["job_img/s"] = pictures / job.real;
  state.counters["job%"] = 100 * forward.real / job.real;
  state.counters["job_cpu%"] = 100 * forward.cpu / job.cpu;
}

}  // namespace

void register_all() {
  for (const Setting& setting : settings())
    for (const DType dtype : setting.dtypes)
      benchmark::RegisterBenchmark(
          ("job/" + label(setting.device, dtype, {kBatch, 80, 60})).c_str(),
          [device = setting.device, dtype](benchmark::State& state) { time_job(state, device, dtype); })
          ->Unit(benchmark::kMillisecond)
          ->UseRealTime();
}

}  // namespace pc::bench
