// pcmerge: one model whose weights are the mean of several ones trained from a common start (WiSE-FT, model soups).
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <numeric>

#include "data/catalog.h"
#include "data/describe.h"
#include "data/sampler.h"
#include "kernels/base/logger.h"
#include "tools/cli/output_file.h"
#include "tools/cli/program.h"
#include "tools/cli/validators.h"
#include "tools/evaluate/greedy_average.h"
#include "tools/evaluate/mean_model.h"
#include "tools/predict/adapt.h"

namespace pc::evaluate {
namespace {

struct Options {
  std::string out, greedy, statistics;
  std::vector<std::string> models;
  std::vector<double> weights;
  int pictures = 2048;
  bool force = false;
};

bool parse(Options& o, int argc, char** argv) {
  CLI::App app(
      "Average the weights of several models: the start and the end of a fine-tuning, or several fine-tunings of one "
      "start.",
      "pcmerge");
  app.add_option("OUT", o.out, "Model file to write")->required();
  app.add_option("MODEL", o.models, "Model files of one architecture and the same labels")
      ->required()
      ->expected(2, 1000);
  app.add_option("--weights,--shares", o.weights, "Weight of each model, as 0.3,0.7; default: equal")
      ->type_name("W,W,...")
      ->delimiter(',')
      ->allow_extra_args(false);
  app.add_option("--greedy", o.greedy,
                 "Greedy model soup: start from the best model, add each further one that does not make the mean worse "
                 "on images of this data set that validated all of them (split.csv next to each MODEL)")
      ->type_name("DATA");
  app.add_option("--statistics", o.statistics,
                 "Re-estimate the batch-norm statistics on images of this data set, without their labels")
      ->type_name("DATA");
  app.add_option("--pictures", o.pictures, "Number of those images, drawn with a fixed seed")
      ->capture_default_str()
      ->check(cli::between(2, 1 << 20));
  cli::add_force(app, o.force);
  app.footer(
      "Example:\n"
      "  pcmerge mean.safetensors before.safetensors tuned.safetensors\n\n"
      "The result has no calibration; pceval --calibrate adds it. pcmerge cannot check what the models were started "
      "from: make sure that it was not trained on the images of --greedy.\n"
      "Wortsman et al., \"Robust fine-tuning of zero-shot models\", CVPR 2022; \"Model soups\", ICML 2022 (--greedy is "
      "its recipe 1, with the mean accuracy over the heads).\n"
      "Exit codes: 0 done, 2 usage, 3 bad data or model, 4 file.");
  return cli::parse_command_line(app, argc, argv);
}

std::vector<double> checked_weights(const Options& o) {
  if (o.weights.empty()) return std::vector<double>(o.models.size(), 1);
  if (o.weights.size() != o.models.size())
    fail(Exit::usage, fmt::format("--weights: {} numbers for {} models", o.weights.size(), o.models.size()));
  for (const double weight : o.weights)
    if (!(weight >= 0 && weight <= 1e9))
      fail(Exit::usage, fmt::format("--weights: {}: requires a number of 0 or more", weight));
  if (std::accumulate(o.weights.begin(), o.weights.end(), 0.0) == 0) fail(Exit::usage, "--weights: all are 0");
  return o.weights;
}

// Re-estimates the statistics of the batch norms; returns what is wrong with the images that cannot be read.
std::vector<std::string> reestimate(const Options& o, const data::DataSet& data, predict::Predictor& predictor) {
  std::vector<uint32_t> items = data::epoch_order(uint32_t(data.catalog.items.size()), 1, 0);
  items.resize(std::min<std::size_t>(items.size(), std::size_t(o.pictures)));
  constexpr int kBatch = 64;
  const auto decode = [&](std::size_t i) { return data.images->image(items[i], predictor.decoding()); };
  return predict::NormAdapter(predictor).adapt(items.size(), decode, kBatch);
}

predict::Predictor merged(const Options& o, const data::DataSet& statistics, LoadedModel mean,
                          std::vector<std::string>& bad) {
  predict::Predictor predictor(std::move(mean), o.out, {.adaptable = true});
  if (!o.statistics.empty()) bad = reestimate(o, statistics, predictor);
  return predictor;
}

// The models worth averaging, and what was found out about each on stdout.
std::vector<std::string> choose(const Options& o, const data::DataSet& statistics) {
  if (!o.weights.empty()) fail(Exit::usage, "--weights: greedy averaging uses equal weights");
  std::vector<std::string> bad;  // reported once, of the result
  const GreedyAverage average = greedy_average(
      o.models, o.greedy, [&](const auto& models) { return merged(o, statistics, mean_model(models), bad); });
  fmt::print("{}", to_table(average));
  return average.taken();
}

void name_bad(const std::vector<std::string>& bad) {
  constexpr std::size_t kNamed = 5;
  const Logger log("pcmerge");
  for (std::size_t i = 0; i < std::min(kNamed, bad.size()); ++i) log.line("skipped " + bad[i]);
  if (!bad.empty()) log.line(fmt::format("{} images could not be read", bad.size()));
}

Exit run(const Options& o) {
  const bool named = std::filesystem::path(o.out).has_extension();
  cli::check_output(o.out, named ? std::vector<std::string>{".safetensors"} : std::vector<std::string>(), o.force);
  data::DataSet statistics;
  if (!o.statistics.empty()) {
    statistics = data::open_dataset(o.statistics, {});
    data::print_description(statistics);
  }
  const std::vector<std::string> models = o.greedy.empty() ? o.models : choose(o, statistics);
  std::vector<std::string> bad;
  predict::Predictor mean =
      merged(o, statistics, o.greedy.empty() ? mean_model(models, checked_weights(o)) : mean_model(models), bad);
  save_model(o.out, mean.info(), mean.model());
  note("{}: the mean of {} models{}", o.out, models.size(),
       o.statistics.empty() ? "" : ", statistics of " + o.statistics);
  name_bad(bad);
  return Exit::ok;
}

}  // namespace
}  // namespace pc::evaluate

int main(int argc, char** argv) {
  return pc::cli::run_program("pcmerge", [&] {
    pc::evaluate::Options options;
    return pc::evaluate::parse(options, argc, argv) ? pc::evaluate::run(options) : pc::Exit::ok;
  });
}
