// pceval: accuracy of a model on any labelled data set.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <span>

#include "tools/cli/program.h"
#include "tools/cli/progress.h"
#include "tools/cli/text.h"
#include "tools/predict/network_options.h"
#include "tools/predict/score.h"

namespace pc {
namespace {

struct Options {
  std::string model, data, split = "all";
  std::vector<std::string> maps;
  ScoreSettings score;
  NetworkOptions network;
  bool per_class = false, json = false;
};

bool parse(Options& o, int argc, char** argv) {
  CLI::App app("Accuracy of a model on a labelled data set; labels are matched by name or by a map.", "pceval");
  app.add_option("MODEL", o.model, "Model file")->required();
  app.add_option("DATA", o.data, "Kaggle layout (zip or folder), one folder per class, or IDX files")->required();
  app.add_option("--split", o.split, "test: only the pictures that the training run held back")
      ->capture_default_str()
      ->check(CLI::IsMember({"all", "test"}));
  app.add_option("--labels", o.score.labels, "Label columns to score; default: every head that has a column")
      ->delimiter(',');
  app.add_option("--head", o.score.head, "Head to score where a picture has just one label");
  app.add_option("--map", o.maps,
                 "CSV with the header class,label: which labels are right for a class of DATA; repeatable")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  app.add_flag("--per-class", o.per_class, "A table of every class too");
  app.add_flag("--json", o.json, "One JSON object instead of a table");
  add_network_options(app, o.network);
  app.footer(
      "Pictures that cannot be read are counted and named on stderr. Exit codes: 0 done, 2 usage, 3 bad data or model, "
      "4 file.");
  return parse_command_line(app, argc, argv);
}

void name_bad(const std::vector<std::string>& bad) {
  constexpr std::size_t kNamed = 10;
  for (std::size_t i = 0; i < std::min(kNamed, bad.size()); ++i) fmt::print(stderr, "pceval: {}\n", bad[i]);
  if (bad.size() > kNamed) fmt::print(stderr, "pceval: … and {} more pictures\n", bad.size() - kNamed);
}

// A map may hold the words of several models, but some must be this one's.
void check_map(const ScorePlan& plan, const ModelInfo& info, const ClassMap& map) {
  for (const ScoredHead& match : plan.heads) {
    const Head& head = info.heads[match.head];
    if (!map.empty() && !match.scores_anything())
      fail(Exit::data,
           fmt::format("the map has no label that head \"{}\" knows; its labels: {}", head.name,
                       fmt::join(std::span(head.labels).first(std::min<std::size_t>(30, head.labels.size())), ", ")));
    if (const auto unknown = map.unknown(head.labels); !unknown.empty())
      fmt::print(stderr, "pceval: labels of the map that head \"{}\" does not know: {}\n", visible(head.name),
                 visible(fmt::format("{}", fmt::join(unknown, ", "))));
  }
}

Exit run(Options o) {
  o.score.test_only = o.split == "test";
  for (const std::string& map : o.maps) o.score.map.add(map);
  Predictor predictor = open_predictor(o.model, o.network);
  const ScorePlan plan = plan_score(o.data, predictor.info(), o.score);
  check_map(plan, predictor.info(), o.score.map);
  const ScoreReport report = [&] {
    Progress progress("scoring", int64_t(plan.items.size()));
    return make_report(plan, predictor.info(),
                       answer_all(predictor, plan, as_trained(predictor, plan), o.network.batch,
                                  [&](int64_t done) { progress.update(done); }));
  }();
  name_bad(report.bad);
  if (report.n == 0) fail(Exit::data, o.data + ": not one picture could be read");
  if (o.json)
    fmt::print("{}\n", to_json(report, o.per_class).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  else
    fmt::print("{}", to_table(report, o.per_class));
  return Exit::ok;
}

}  // namespace
}  // namespace pc

int main(int argc, char** argv) {
  return pc::run_program("pceval", [&] {
    pc::Options options;
    return pc::parse(options, argc, argv) ? pc::run(options) : pc::Exit::ok;
  });
}
