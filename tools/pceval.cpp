// pceval: accuracy of a model on any labeled data set, and of several where pictures are not like their training.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <optional>
#include <span>

#include "data/describe.h"
#include "kernels/base/logger.h"
#include "tools/cli/json.h"
#include "tools/cli/output_file.h"
#include "tools/cli/program.h"
#include "tools/cli/progress.h"
#include "tools/cli/terminal.h"
#include "tools/cli/validators.h"
#include "tools/evaluate/fit_calibration.h"
#include "tools/evaluate/score_text.h"
#include "tools/evaluate/seen.h"
#include "tools/evaluate/shift_text.h"
#include "tools/predict/adapt.h"
#include "tools/predict/network_options.h"
#include "tools/report/score_page.h"
#include "tools/weights/read_model.h"

namespace pc::evaluate {
namespace {

constexpr Logger kLog("pceval");

struct Options {
  std::vector<std::string> models, maps, held_out;
  std::string data, split, photos, report, calibrated;
  ScoreSettings score;
  predict::NetworkOptions network;
  std::optional<int> accept_at;
  int64_t limit = 2000;
  bool shift = false, per_class = false, json = false, force = false;
};

bool parse(Options& o, int argc, char** argv) {
  CLI::App app("Measure the accuracy of a model on a labeled data set; labels are matched by name or by a map.",
               "pceval");
  std::vector<std::string> places;
  app.add_option("MODEL", places,
                 "Model file, several with --shift; then DATA: Kaggle layout (zip or folder), one folder per class, or "
                 "IDX files")
      ->required()
      ->option_text("[MODEL...] DATA");
  app.option_defaults()->group("What is scored");
  app.add_option(
         "--split", o.split,
         "test: only the images that the training run held back; default: test if the model was trained on DATA "
         "or with --shift, else all")
      ->type_name("SPLIT")
      ->check(cli::one_of({"all", "test"}));
  app.add_option("--labels", o.score.labels, "Label columns to score; default: every head that has a column")
      ->type_name("A,B")
      ->delimiter(',')
      ->allow_extra_args(false);
  app.add_option("--head", o.score.head, "Head to score if an image has just one label")->type_name("NAME");
  app.add_option("--map", o.maps, "CSV with the header class,label: which labels are correct for a class; repeatable")
      ->type_name("FILE")
      ->allow_extra_args(false);
  app.add_option("--min-count", o.score.min_count, "Only images of classes with at least N images in DATA")
      ->capture_default_str()
      ->check(cli::between(1, 1'000'000'000));
  app.add_option("--accept-at", o.accept_at,
                 "Target precision, in percent, of predictions reported as confident, as in pcpredict; default: 95")
      ->check(cli::between(1, 99));
  app.add_flag("--tta", o.network.views,
               "Test-time augmentation: mean logits of the image, its mirror image and its middle at 95 and at 90 % of "
               "each side");
  app.add_flag("--bn-adapt", o.network.adapt, "Adapt the batch-norm statistics to DATA (no labels are used)");
  app.option_defaults()->group("Domain shift");
  app.add_flag("--shift", o.shift, "Accuracy under corruptions and on photos, a column per model");
  app.add_option("--photos", o.photos, "With --shift: another labeled data set, to which --map belongs")
      ->type_name("DATA");
  app.add_option(
         "--held-out", o.held_out,
         "With --shift: a model trained without a year or a brand (data.split), scored on the images of DATA that it "
         "held back; repeatable")
      ->type_name("NAME=MODEL")
      ->allow_extra_args(false);
  app.add_option("--limit", o.limit, "With --shift: number of images of DATA that are corrupted; 0: no corruptions")
      ->capture_default_str()
      ->check(cli::between(0, 1'000'000'000));
  app.option_defaults()->group("Output");
  app.add_flag("--per-class", o.per_class, "Print a table of every class too");
  app.add_option("--report", o.report,
                 "Write a page for the browser: confusion matrix, mistakes with images, reliability")
      ->type_name("FILE");
  app.add_option(
         "--calibrate", o.calibrated,
         "Write a copy of the model whose probabilities, thresholds and out-of-distribution limit are fitted to "
         "these images, which it must not have trained on")
      ->type_name("FILE");
  app.add_flag("--json", o.json, "Print one JSON object instead of a table");
  cli::add_force(app, o.force);
  predict::add_network_options(app, o.network);
  app.footer(
      "Examples:\n"
      "  pceval runs/fashion/model.safetensors fashion-product-images-small.zip\n"
      "  pceval --report page.html --map classes.csv model.safetensors photos/\n\n"
      "Images that cannot be read are counted and named on stderr.\n"
      "Exit codes: 0 done, 2 usage, 3 bad data or model, "
      "4 file.");
  if (!cli::parse_command_line(app, argc, argv)) return false;
  if (places.size() < 2) fail(Exit::usage, "MODEL and DATA are required; see --help");
  o.data = places.back();
  o.models.assign(places.begin(), places.end() - 1);
  return true;
}

void name_bad(const std::vector<std::string>& bad) {
  constexpr std::size_t kNamed = 10;
  for (std::size_t i = 0; i < std::min(kNamed, bad.size()); ++i) kLog.line(bad[i]);
  if (bad.size() > kNamed) kLog.line(fmt::format("… and {} more images", bad.size() - kNamed));
}

// A map may hold the words of several models.
void name_unknown(const std::vector<std::string>& labels) {
  if (!labels.empty()) kLog.line(fmt::format("labels of the map that are not known: {}", fmt::join(labels, ", ")));
}

// A data set that a model knows no label of is no 0 %, but the wrong one.
void check_plan(const ScorePlan& plan, const ModelInfo& info, const Options& o) {
  const auto fits = [](const ScoredHead& match) { return match.scores_anything(); };
  const auto& labels = info.heads[plan.heads.front().head].labels;
  if (std::none_of(plan.heads.begin(), plan.heads.end(), fits))
    fail(Exit::data,
         fmt::format("{}: the model knows no label {}; those of head \"{}\": {}", o.data,
                     o.maps.empty() ? "there (--map pairs other names)" : "that the map pairs with a class there",
                     info.heads[plan.heads.front().head].name,
                     fmt::join(std::span(labels).first(std::min<std::size_t>(30, labels.size())), ", ")));
  if (!o.maps.empty()) name_unknown(o.score.map.unknown(labels));
}

void print_json(nlohmann::ordered_json json, const predict::NetworkOptions& network) {
  json["tta"] = network.views;
  json["bn_adapt"] = network.adapt;
  fmt::print("{}\n", cli::one_line(json));
}

// "trained_on": null if it is not known.
nlohmann::ordered_json with_seen(nlohmann::ordered_json json, const Seen& seen) {
  json["trained_on"] = seen.images ? nlohmann::ordered_json(*seen.images) : nlohmann::ordered_json();
  return json;
}

// NAME=MODEL
std::vector<NamedModel> named_models(const std::vector<std::string>& options) {
  std::vector<NamedModel> models;
  for (const std::string& option : options) {
    const std::size_t at = option.find('=');
    if (at == 0 || at == option.npos || at + 1 == option.size())
      fail(Exit::usage, fmt::format("--held-out {}: requires NAME=MODEL", option));
    models.push_back({.name = option.substr(0, at), .path = option.substr(at + 1)});
  }
  return models;
}

Exit run_shift(const Options& o) {
  if (o.score.labels.size() > 1) fail(Exit::usage, "--shift scores one column; name just one with --labels");
  const ShiftReport report = measure_shift({.models = o.models,
                                            .data = o.data,
                                            .photos = o.photos,
                                            .held_out = named_models(o.held_out),
                                            .label = o.score.labels.empty() ? "" : o.score.labels.front(),
                                            .head = o.score.head,
                                            .map = o.score.map,
                                            .test_only = o.split != "all",
                                            .limit = o.limit,
                                            .network = o.network});
  name_unknown(report.unknown_labels);
  name_bad(report.bad);
  if (o.json)
    print_json(to_json(report), o.network);
  else
    fmt::print("{}", to_table(report));
  return Exit::ok;
}

std::string page_name(const Options& o) {
  const std::filesystem::path model(o.models.front()), data(o.data);
  return fmt::format("{} on {}", (model.parent_path().filename() / model.filename()).string(),
                     (data.has_filename() ? data : data.parent_path()).filename().string());
}

// Per head of the model; -1 where none is known.
std::vector<int32_t> true_labels(const ScorePlan& plan, const ModelInfo& info, std::size_t i) {
  std::vector<int32_t> labels(info.heads.size(), -1);
  for (std::size_t h = 0; h < plan.heads.size(); ++h) labels[plan.heads[h].head] = truth_of(plan, h, i);
  return labels;
}

void write_calibrated(const Options& o, const LabeledLogits& pictures) {
  LoadedModel loaded = weights::read_model(o.models.front());
  const std::vector<double> before = predict::temperatures(loaded.info);
  fit_calibration(loaded.info, pictures);
  save_model(o.calibrated, loaded.info, *loaded.model);
  kLog.line(fmt::format("{}: calibrated on {} images", o.calibrated, pictures.logits.size()));
  for (std::size_t h = 0; h < before.size(); ++h)
    kLog.line(fmt::format("  {}: temperature {:.3f}, was {:.3f}", loaded.info.heads[h].name,
                          loaded.info.calibration->heads[h].temperature, before[h]));
}

Exit run_score(const Options& o) {
  if (o.models.size() > 1) fail(Exit::usage, "several models stand side by side with --shift only");
  predict::Predictor predictor = predict::open_predictor(o.models.front(), o.network);
  const ScorePlan plan = plan_score(o.data, predictor.info(), o.score);
  check_plan(plan, predictor.info(), o);
  const Seen seen = seen_by(o.models.front(), predictor.info(), plan, o.data);
  data::print_description(plan.data);
  kLog.line(seen.text);
  const Decode decode = as_trained(predictor, plan);
  if (o.network.adapt) predict::NormAdapter(predictor).adapt(plan.items.size(), decode, o.network.batch);
  report::ScorePage page(plan, predictor.info());
  Naming naming(plan, predictor.info(), predict::precision_of(predictor.info(), o.accept_at));
  LabeledLogits pictures;
  const ScoreReport report = [&] {
    cli::Progress progress("scoring", int64_t(plan.items.size()));
    const auto keep = [&](std::size_t i, const predict::Logits& logits) {
      naming.add(i, logits);
      if (!o.report.empty()) page.add(i, logits);
      if (!o.calibrated.empty()) pictures.add(logits, true_labels(plan, predictor.info(), i));
    };
    const Answers answers = answer_all(
        predictor, plan, decode, o.network.batch, [&](int64_t done) { progress.update(done); }, keep);
    ScoreReport made = make_report(plan, predictor.info(), answers);
    naming.enter(made);
    return made;
  }();
  name_bad(report.bad);
  if (report.n == 0) fail(Exit::data, o.data + ": not one image could be scored");
  if (!o.calibrated.empty()) write_calibrated(o, pictures);
  if (!o.report.empty()) page.write(o.report, page_name(o), predict::conditions(o.network), report, decode);
  if (o.json)
    print_json(with_seen(to_json(report, o.per_class), seen), o.network);
  else
    fmt::print("{}{}", predict::conditions(o.network), to_table(report, o.per_class));
  return Exit::ok;
}

Exit run(Options o) {
  if (!o.shift && !o.photos.empty()) fail(Exit::usage, "--photos goes with --shift");
  if (o.shift && o.score.min_count > 1) fail(Exit::usage, "--min-count does not go with --shift");
  if (o.shift && o.accept_at) fail(Exit::usage, "--accept-at does not go with --shift");
  if (!o.shift && !o.held_out.empty()) fail(Exit::usage, "--held-out goes with --shift");
  if (o.shift && o.per_class) fail(Exit::usage, "--per-class does not go with --shift");
  if (o.shift && !o.calibrated.empty()) fail(Exit::usage, "--calibrate does not go with --shift");
  if (!o.calibrated.empty() && !o.maps.empty())
    fail(Exit::usage, "--calibrate does not go with --map: name the classes as the model does");
  if (!o.calibrated.empty() && (o.network.views || o.network.adapt))
    fail(Exit::usage, "--calibrate does not go with --tta and --bn-adapt: the copy would be calibrated for them");
  if (o.shift && !o.report.empty()) fail(Exit::usage, "--report does not go with --shift");
  if (o.shift && o.photos.empty() && !o.maps.empty()) fail(Exit::usage, "with --shift, --map is about --photos");
  if (!o.report.empty()) cli::check_output(o.report, {".html", ".htm"}, o.force);
  if (!o.calibrated.empty()) cli::check_output(o.calibrated, {".safetensors"}, o.force);
  for (const std::string& map : o.maps) o.score.map.add(map);
  o.score.test_only = o.split == "test";
  o.score.test_if_known = o.split.empty();
  return o.shift ? run_shift(o) : run_score(o);
}

}  // namespace
}  // namespace pc::evaluate

int main(int argc, char** argv) {
  return pc::cli::run_program("pceval", [&] {
    pc::evaluate::Options options;
    return pc::evaluate::parse(options, argc, argv) ? pc::evaluate::run(options) : pc::Exit::ok;
  });
}
