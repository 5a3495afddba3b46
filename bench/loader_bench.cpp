// The data pipeline in images per second: decoding on one core, packing on all, and batches from the packed store.
//
// The images are the first ones of the shared fashion archive, or generated JPEGs of the same size if it is absent.
#include <fmt/format.h>
#include <turbojpeg.h>
#include <unistd.h>

#include <atomic>
#include <mutex>

#include "bench/bench.h"
#include "data/decode.h"
#include "data/image.h"
#include "data/store.h"
#include "data/tree.h"
#include "kernels/base/random.h"
#include "tools/runs/batches.h"

namespace pc::bench {
namespace {

using Bytes = std::vector<std::byte>;

std::vector<Bytes> archive_pictures(std::size_t count) {
  const auto archive = shared_folder() / "datasets" / "fashion-product-images-small.zip";
  std::vector<Bytes> pictures;
  if (!std::filesystem::exists(archive)) return pictures;
  const auto tree = open_tree(archive);
  for (const FileTree::Entry& entry : tree->entries()) {
    if (!has_image_name(entry.path)) continue;
    pictures.push_back(tree->read(entry, 1 << 20));
    if (pictures.size() == count) break;
  }
  return pictures;
}

// Soft blobs on white with a little noise, 80x60, quality 90: about the file size of the real images.
Bytes generated_picture(uint64_t number) {
  constexpr int kHeight = 80, kWidth = 60;
  std::vector<uint8_t> pixels(kHeight * kWidth * 3);
  const Philox blob = philox(number, 1, 0);
  for (int i = 0; i < kHeight * kWidth; ++i) {
    const float dy = float(i / kWidth) / kHeight - uniform(blob.word[0]),
                dx = float(i % kWidth) / kWidth - uniform(blob.word[1]);
    const float ink = std::max(0.0f, 1 - 6 * (dx * dx + dy * dy));
    for (int c = 0; c < 3; ++c)
      pixels[std::size_t(3 * i + c)] = uint8_t(255 - ink * float(blob.word[2] >> (8 * c) & 127) -
                                               6 * uniform(philox(number, 2, uint64_t(3 * i + c)).word[0]));
  }
  const tjhandle encoder = tjInitCompress();
  unsigned char* jpeg = nullptr;
  unsigned long size = 0;
  tjCompress2(encoder, pixels.data(), kWidth, 0, kHeight, TJPF_RGB, &jpeg, &size, TJSAMP_420, 90, 0);
  const auto* first = reinterpret_cast<const std::byte*>(jpeg);
  Bytes bytes(first, first + size);
  tjFree(jpeg);
  tjDestroy(encoder);
  return bytes;
}

const std::vector<Bytes>& pictures() {
  static const std::vector<Bytes> all = [] {
    constexpr std::size_t kCount = 4000;
    std::vector<Bytes> found = archive_pictures(kCount);
    for (uint64_t i = 0; found.size() < kCount; ++i) found.push_back(generated_picture(i));
    return found;
  }();
  return all;
}

class Pictures : public ImageSource {
 public:
  Image image(std::size_t item, const DecodeSettings& settings) const override {
    return decode_image(pictures()[item], std::to_string(item), settings);
  }
  ImageInfo info(std::size_t item) const override { return image_info(pictures()[item]); }
  uint64_t fingerprint() const override { return 0x62656e6368; }
};

DataSet data_set() {
  DataSet data{.kind = "bench", .catalog = {}, .images = std::make_shared<Pictures>()};
  data.catalog.columns = {"label"};
  data.catalog.classes = {{"a", "b"}};
  for (std::size_t i = 0; i < pictures().size(); ++i)
    data.catalog.items.push_back({std::to_string(i), {int32_t(i % 2)}});
  return data;
}

// A directory for stores, removed at the end.
struct Scratch {
  std::filesystem::path path = std::filesystem::temp_directory_path() / fmt::format("pc-bench-{}", getpid());
  Scratch() { std::filesystem::create_directories(path); }
  ~Scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
};

void rate(benchmark::State& state, double images) {
  state.counters["img/s"] = benchmark::Counter(images, benchmark::Counter::kIsIterationInvariantRate);
}

void decode(benchmark::State& state) {
  std::size_t bytes = 0;
  for (const Bytes& picture : pictures()) bytes += picture.size();
  for (auto _ : state)
    for (const Bytes& picture : pictures()) benchmark::DoNotOptimize(decode_image(picture, "picture"));
  rate(state, double(pictures().size()));
  state.counters["bytes/img"] = double(bytes) / double(pictures().size());
}

void pack(benchmark::State& state) {
  const DataSet data = data_set();
  for (auto _ : state) {
    const Scratch scratch;
    benchmark::DoNotOptimize(open_store(data, {}, scratch.path));
  }
  rate(state, double(pictures().size()));
}

void batches(benchmark::State& state, DType dtype) {
  constexpr std::size_t kBatch = 64;
  const DataSet data = data_set();
  const Scratch scratch;
  const BatchMaker maker(data.catalog, open_store(data, {}, scratch.path), {}, dtype, Device::cpu,
                         {.augmentation = {}});
  std::vector<uint32_t> items(kBatch);
  uint64_t next = 0;
  for (auto _ : state) {
    for (uint32_t& item : items) item = philox(1, 0, next++).word[0] % uint32_t(pictures().size());
    benchmark::DoNotOptimize(maker.random(items, {.epoch = next}));
  }
  rate(state, kBatch);
}

}  // namespace

void register_all() {
  benchmark::RegisterBenchmark("decode/one_core", decode)->Unit(benchmark::kMillisecond);
  benchmark::RegisterBenchmark("pack", pack)->Unit(benchmark::kMillisecond)->UseRealTime();
  for (const DType dtype : {DType::f32, DType::bf16})
    benchmark::RegisterBenchmark((std::string("batches/") + name_of(dtype) + "/80x60/b64").c_str(),
                                 [=](benchmark::State& state) { batches(state, dtype); })
        ->Unit(benchmark::kMillisecond)
        ->UseRealTime();
}

}  // namespace pc::bench
