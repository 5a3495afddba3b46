#include "tools/doctor/checks.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <system_error>

#include "data/cache_folder.h"
#include "kernels/base/directory.h"
#include "kernels/base/file.h"
#include "kernels/base/text.h"
#include "tools/doctor/check_gpu.h"

namespace pc::doctor {
namespace {

namespace fs = std::filesystem;
using State = Finding::State;

constexpr uint64_t kMegabyte = 1'000'000, kGigabyte = 1000 * kMegabyte;

// The folder itself or the nearest one above it that exists.
fs::path existing(const fs::path& folder) {
  std::error_code error;
  fs::path place = fs::absolute(folder, error);
  while (!fs::exists(place, error) && place.has_relative_path()) place = place.parent_path();
  return place;
}

// The files of one kind in the cache folder, sorted.
std::vector<std::string> files_in(const fs::path& cache, const char* extension) {
  std::vector<std::string> there;
  for (const fs::path& file : list_folder(cache))
    if (file.extension() == extension) there.push_back(file.string());
  std::sort(there.begin(), there.end());
  return there;
}

}  // namespace

Finding check_cpu(const std::string& model, const std::vector<CpuFeature>& features) {
  std::vector<std::string> built, lacking, unused;
  for (const CpuFeature& f : features) {
    if (f.built) built.push_back(f.name);
    if (f.built && !f.present) lacking.push_back(f.name);
    if (!f.built && f.present) unused.push_back(f.name);
  }
  Finding finding{
      .name = "cpu",
      .found = fmt::format("{}; built for {}", model.empty() ? "unknown model" : model, fmt::join(built, " "))};
  if (!lacking.empty()) {
    finding.state = State::problem, finding.code = Exit::usage;
    finding.found += fmt::format("; this CPU lacks {}", fmt::join(lacking, " "));
    finding.advice =
        "the other programs end with \"illegal instruction\" here: build on this machine, or with -DPC_MARCH=x86-64-v3";
  } else if (!unused.empty()) {
    finding.state = State::warning;
    finding.found += fmt::format("; it also has {}", fmt::join(unused, " "));
    finding.advice = "a build on this machine (-DPC_MARCH=native) may be faster";
  }
  return finding;
}

Finding check_threads(const CpuFacts& facts) {
  Finding finding{.name = "threads", .found = fmt::format("{} of {} cores", facts.threads, facts.cores)};
  const double most = facts.quota.value_or(facts.cores);
  if (facts.quota) finding.found += fmt::format("; a control group allows the time of {:.2g}", *facts.quota);
  if (facts.threads > most + 0.5) {
    finding.state = State::warning;
    finding.advice =
        fmt::format("set OMP_NUM_THREADS={}: more threads than cores wait for each other", std::max(1, int(most)));
  }
  return finding;
}

Finding check_memory(const MemoryFacts& facts) {
  Finding finding{.name = "memory",
                  .found = fmt::format("{} free of {}", size_text(facts.free()), size_text(facts.total))};
  if (facts.limit) finding.found += fmt::format("; a control group allows {}", size_text(*facts.limit));
  if (facts.free() < kGigabyte / 4) {
    finding.state = State::problem, finding.code = Exit::limit;
    finding.advice = "even prediction needs about 100 MB: end other programs or raise the limit";
  } else if (facts.free() < 2 * kGigabyte) {
    finding.state = State::warning;
    finding.advice = "little for training: take a smaller train.batch (pctrain CONFIG --dry-run prints what it needs)";
  }
  return finding;
}

Finding check_space(const std::string& name, const fs::path& folder) {
  const fs::path place = existing(folder);
  std::error_code error;
  const fs::space_info space = fs::space(place, error);
  Finding finding{.name = name,
                  .found = fmt::format("{} free in {}", size_text(error ? 0 : space.available), folder.string())};
  if (!fs::is_directory(place, error) || ::access(place.c_str(), W_OK | X_OK) != 0) {
    finding.state = State::problem, finding.code = Exit::file;
    finding.found = fmt::format("nothing can be written to {}", folder.string());
    finding.advice = fmt::format("change the permissions of {} or work elsewhere", place.string());
  } else if (space.available < 2 * kGigabyte) {
    const bool full = space.available < 100 * kMegabyte;
    finding.state = full ? State::problem : State::warning;
    finding.code = full ? Exit::file : Exit::ok;
    finding.advice = "the packed images take up to 1 GB, each run ten times its model: make room or work elsewhere";
  }
  return finding;
}

Finding check_weights(const fs::path& cache) {
  const auto there = files_in(cache, ".safetensors");
  if (!there.empty()) return {.name = "weights", .found = fmt::format("{}", fmt::join(there, ", "))};
  return {.name = "weights",
          .found = "no ImageNet weights; training from random ones needs none",
          .state = State::absent,
          .advice = "pcdata fetch resnet18 brings some for model.weights"};
}

Finding check_data(const fs::path& cache, const fs::path& datasets) {
  auto there = files_in(cache, ".zip");
  std::error_code unknown;
  if (fs::is_directory(datasets / "fashion-mnist", unknown)) there.push_back((datasets / "fashion-mnist").string());
  if (!there.empty()) return {.name = "data", .found = fmt::format("{}", fmt::join(there, ", "))};
  return {.name = "data",
          .found = "no data set in the usual places",
          .state = State::absent,
          .advice =
              "pcdata fetch fashion-product-images-small, apt-get install dataset-fashion-mnist, or name your own with "
              "data.root"};
}

std::vector<Finding> examine() {
  std::vector<Finding> all{check_cpu(cpu_model(), cpu_features()), check_threads(cpu_facts()),
                           check_memory(memory_facts())};
  for (Finding& gpu : check_gpu(gpu_build(), probe_gpu())) all.push_back(std::move(gpu));
  const fs::path cache = data::default_cache_folder();
  all.push_back(check_space("runs", "runs"));
  all.push_back(check_space("cache", cache));
  all.push_back(check_weights(cache));
  all.push_back(check_data(cache, "/usr/share/datasets"));
  return all;
}

}  // namespace pc::doctor
