#include "tools/runs/auto_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>
#include <vector>

#include "data/cache_folder.h"
#include "engine/preprocess.h"
#include "kernels/base/error.h"
#include "kernels/base/file.h"
#include "kernels/base/logger.h"
#include "tools/fetch/items.h"

namespace pc::runs {
namespace {

struct Size {
  double h, w;
  double aspect() const { return w / h; }
};

// Images whose header does not say, or that cannot be read, are left out: packing reports them.
std::vector<Size> sizes_of(const data::DataSet& data) {
  constexpr std::size_t kMost = 500;
  const std::size_t all = data.catalog.items.size(), count = std::min(all, kMost);
  std::vector<Size> sizes;
  for (std::size_t i = 0; i < count; ++i) {
    try {
      const data::ImageInfo info = data.images->info(i * all / count);
      if (info.h > 0 && info.w > 0) sizes.push_back({double(info.h), double(info.w)});
    } catch (const Error& error) {
      if (error.code() != Exit::data && error.code() != Exit::file) throw;
    }
  }
  return sizes;
}

// Steps of 4.4 % of the aspect ratio.
int64_t step_of(double aspect) { return std::lround(16 * std::log2(aspect)); }

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + std::ptrdiff_t(values.size() / 2), values.end());
  return values[values.size() / 2];
}

// The median size of the images that have the most frequent shape.
Size typical(const std::vector<Size>& sizes) {
  std::map<int64_t, std::vector<Size>> by_shape;
  for (const Size& size : sizes) by_shape[step_of(size.aspect())].push_back(size);
  const auto& most = std::max_element(by_shape.begin(), by_shape.end(), [](const auto& a, const auto& b) {
                       return a.second.size() < b.second.size();
                     })->second;
  std::vector<double> heights, widths;
  for (const Size& size : most) heights.push_back(size.h), widths.push_back(size.w);
  return {median(heights), median(widths)};
}

// Whether at least 95 % of them have that shape, give or take 10 %.
bool of_one_shape(const std::vector<Size>& sizes, double aspect) {
  const auto alike = std::count_if(sizes.begin(), sizes.end(),
                                   [&](const Size& s) { return std::abs(s.aspect() / aspect - 1) <= 0.1; });
  return double(alike) >= 0.95 * double(sizes.size());
}

// A side that is not given follows from the other, both from the typical image.
Size input_size(const TrainConfig& config, Size image) {
  constexpr double kArea = 224 * 224;
  const auto& m = config.model;
  if (m.height != cli::kAuto) return {double(m.height), std::round(double(m.height) * image.aspect())};
  if (m.width != cli::kAuto) return {std::round(double(m.width) / image.aspect()), double(m.width)};
  const double scale = std::sqrt(kArea / (image.h * image.w));
  if (scale >= 1) return image;
  const auto side = [&](double length) { return 32 * std::max(1.0, std::round(scale * length / 32)); };
  return {side(image.h), side(image.w)};
}

// The weights that pcdata fetch knows by this name; null if there are none.
const fetch::FetchItem* fetched_weights(const std::string& name) {
  for (const fetch::FetchItem& item : fetch::fetch_items())
    if (item.name == name && item.converts()) return &item;
  return nullptr;
}

}  // namespace

std::filesystem::path weights_file(const TrainConfig& config) {
  const std::string& name = config.model.weights;
  const fetch::FetchItem* item = path_exists(name) ? nullptr : fetched_weights(name);
  return item ? data::default_cache_folder() / item->result : std::filesystem::path(name);
}

std::string choose_weights(TrainConfig& config) {
  std::string& weights = config.model.weights;
  if (weights != "auto") return "";
  weights = config.model.architecture;
  if (!fetched_weights(weights)) {
    weights.clear();
    return "";
  }
  if (const auto file = weights_file(config); path_exists(file))
    return fmt::format("model: weights trained on ImageNet from {} (--weights= begins with random ones)",
                       file.string());
  return fmt::format(
      "model: begins with random weights; pcdata fetch {} gets some trained on ImageNet, which learn faster and need "
      "fewer images",
      std::exchange(weights, ""));
}

void choose_input(TrainConfig& config, const data::DataSet& data) {
  auto& m = config.model;
  if (m.height != cli::kAuto && m.width != cli::kAuto && m.resize != "auto") return;
  const std::vector<Size> sizes = sizes_of(data);
  const Size image = sizes.empty() ? Size{224, 224} : typical(sizes), input = input_size(config, image);
  const auto side = [](double length) { return std::clamp<int64_t>(std::llround(length), 16, kMaxInputSide); };
  if (m.height == cli::kAuto) m.height = side(input.h);
  if (m.width == cli::kAuto) m.width = side(input.w);
  const bool one_shape = of_one_shape(sizes, image.aspect());
  if (m.resize == "auto") m.resize = one_shape ? "stretch" : "pad";
  note("data: most images {} {}x{} pixels; input {}x{}, model.resize = {} (--size and --resize choose others)",
       one_shape ? "are about" : "differ in shape, many are about", image.w, image.h, m.width, m.height, m.resize);
}

void choose_step(TrainConfig& config, int64_t training_images) {
  constexpr int64_t kBatch = 64, kLeast = 8, kSteps = 20;
  auto& t = config.train;
  const bool batch = t.batch == cli::kAuto, rate = t.lr == double(cli::kAuto);
  if (batch) {
    t.batch = kBatch;
    while (t.batch > kLeast && training_images < kSteps * t.batch * t.accumulate) t.batch /= 2;
    t.batch = std::max<int64_t>(2, std::min(t.batch, training_images / t.accumulate));
  }
  if (rate) {
    const bool given = !config.model.weights.empty(), sgd = t.optimizer == "sgd";
    const double share = double(t.batch * t.accumulate) / double(kBatch);
    t.lr = sgd ? (given ? 0.02 : 0.05) * share : (given ? 0.0003 : 0.001) * std::sqrt(share);
    t.lr = std::stod(fmt::format("{:.2g}", t.lr));
  }
  if (batch || rate) note("training: batch size {}, learning rate {}", t.batch, t.lr);
}

}  // namespace pc::runs
