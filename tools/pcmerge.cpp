// pcmerge: one model whose weights are the mean of several ones trained from a common start (WiSE-FT, model soups).
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <numeric>

#include "data/catalogue.h"
#include "data/sampler.h"
#include "engine/weight_average.h"
#include "models/model_file.h"
#include "tools/cli/program.h"
#include "tools/cli/progress.h"
#include "tools/predict/adapt.h"

namespace pc {
namespace {

struct Options {
  std::string out, statistics;
  std::vector<std::string> models;
  std::vector<double> shares;
  int pictures = 2048;
};

bool parse(Options& o, int argc, char** argv) {
  CLI::App app("The mean of several models' weights: the start and the end of a fine-tuning, or several fine-tunings of one start.", "pcmerge");
  app.add_option("OUT", o.out, "Model file to write")->required();
  app.add_option("MODEL", o.models, "Model files of one architecture and the same labels")->required()->expected(2, 1000);
  app.add_option("--shares", o.shares, "What each counts, as 0.3,0.7; default: the same")->delimiter(',')->allow_extra_args(false);
  app.add_option("--statistics", o.statistics, "Re-estimate the batch-norm statistics on pictures of this data set, without their labels");
  app.add_option("--pictures", o.pictures, "So many of them, drawn with a fixed seed")->capture_default_str()->check(CLI::Range(2, 1 << 20));
  app.footer(
      "The mean has no calibration. Wortsman et al., \"Robust fine-tuning of zero-shot models\", CVPR 2022; \"Model soups\", ICML 2022. "
      "Exit codes: 0 done, 2 usage, 3 bad data or model, 4 file.");
  return parse_command_line(app, argc, argv);
}

std::vector<double> checked_shares(const Options& o) {
  if (o.shares.empty()) return std::vector<double>(o.models.size(), 1);
  if (o.shares.size() != o.models.size())
    fail(Exit::usage, fmt::format("--shares: {} numbers for {} models", o.shares.size(), o.models.size()));
  for (const double share : o.shares)
    if (!(share >= 0 && share <= 1e9)) fail(Exit::usage, fmt::format("--shares: {}: wants a number of 0 or more", share));
  if (std::accumulate(o.shares.begin(), o.shares.end(), 0.0) == 0) fail(Exit::usage, "--shares: all are 0");
  return o.shares;
}

void check_same(const ModelInfo& a, const ModelInfo& b, const std::string& path) {
  const Preprocess &p = a.preprocess, &q = b.preprocess;
  if (a.architecture != b.architecture)
    fail(Exit::data, fmt::format("{}: is a {}, the first model a {}; only models of one architecture have a mean", path, b.architecture, a.architecture));
  if (a.heads.size() != b.heads.size())
    fail(Exit::data, fmt::format("{}: has {} heads, the first model {}", path, b.heads.size(), a.heads.size()));
  for (std::size_t h = 0; h < a.heads.size(); ++h)
    if (a.heads[h].name != b.heads[h].name || a.heads[h].labels != b.heads[h].labels)
      fail(Exit::data, fmt::format("{}: head {} does not tell the labels of the first model's {} apart", path, b.heads[h].name, a.heads[h].name));
  if (p.height != q.height || p.width != q.width || p.resize != q.resize || p.mean != q.mean || p.std != q.std || p.fill != q.fill)
    fail(Exit::data, path + ": prepares its pictures in another way than the first model");
}

// Whose test pictures are the same keeps them.
bool same_split(const std::optional<SplitRecord>& a, const std::optional<SplitRecord>& b) {
  return a && b && a->files == b->files && a->test == b->test && a->min_counts == b->min_counts && a->rare == b->rare;
}

LoadedModel mean_of(const Options& o) {
  const std::vector<double> shares = checked_shares(o);
  LoadedModel mean = load_model(o.models.front());
  double total = shares.front();
  for (std::size_t i = 1; i < o.models.size(); ++i) {
    const LoadedModel next = load_model(o.models[i]);
    check_same(mean.info, next.info, o.models[i]);
    if (!same_split(mean.info.split, next.info.split)) mean.info.split.reset();
    total += shares[i];
    if (shares[i] > 0) average_members(*next.model, *mean.model, float(shares[i] / total));
  }
  mean.info.calibration.reset();
  return mean;
}

void reestimate(const Options& o, const ModelInfo& info) {
  Predictor predictor(o.out, {.adaptable = true});
  const DataSet data = open_dataset(o.statistics, {});
  std::vector<uint32_t> items = epoch_order(uint32_t(data.catalogue.items.size()), 1, 0);
  items.resize(std::min<std::size_t>(items.size(), std::size_t(o.pictures)));
  constexpr int kBatch = 64;
  Progress progress("statistics", int64_t(items.size()));
  NormAdapter(predictor).adapt(items.size(), [&](std::size_t i) { return data.pictures->image(items[i], predictor.decoding()); }, kBatch);
  save_model(o.out, info, predictor.model());
}

Exit run(const Options& o) {
  const LoadedModel mean = mean_of(o);
  save_model(o.out, mean.info, *mean.model);
  if (!o.statistics.empty()) reestimate(o, mean.info);
  fmt::print(stderr, "{}: the mean of {} models{}\n", o.out, o.models.size(),
             o.statistics.empty() ? "" : ", statistics of " + o.statistics);
  return Exit::ok;
}

}  // namespace
}  // namespace pc

int main(int argc, char** argv) {
  return pc::run_program("pcmerge", [&] {
    pc::Options options;
    return pc::parse(options, argc, argv) ? pc::run(options) : pc::Exit::ok;
  });
}
