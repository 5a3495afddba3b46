#include "tools/report/report.h"

#include <fmt/format.h>

#include <algorithm>

#include "data/csv.h"
#include "kernels/base/csv_writer.h"
#include "kernels/base/error.h"
#include "kernels/base/file.h"
#include "kernels/base/parallel.h"
#include "tools/evaluate/calibrate.h"
#include "tools/report/sections.h"
#include "tools/run/events.h"
#include "tools/run/run_folder.h"
#include "tools/run/split_file.h"

namespace pc {
namespace {

using nlohmann::json;

std::string page(RunMaterial& m) {
  std::string body =
      results_section(m, "Pictures that neither trained nor validated; confusion.csv counts every answer.") +
      curves_section(m);
  body += head_sections(m);
  if (!m.run.plan.test.empty()) body += looking_section(m);
  body += calibration_section(m) + shift_section(m) + card_section(m) + reproduce_section(m);
  return report_page(m, m.run.config.output.name, "training report", summary_section(m), body);
}

std::string confusion_csv(const RunMaterial& m) {
  std::string csv = "head,label,answer,count\n";
  for (std::size_t h = 0; h < m.heads.size(); ++h)
    for (const PairCount& pair : pair_counts(m.heads[h]))
      csv += fmt::format("{},{},{},{}\n", csv_field(m.heads[h].score.name), csv_field(m.label(h, pair.truth)),
                         csv_field(m.label(h, pair.answer)), pair.count);
  return csv;
}

}  // namespace

const json& RunMaterial::event(const std::string& kind) const {
  static const json none;
  const auto found =
      std::find_if(events.rbegin(), events.rend(), [&](const json& event) { return event["event"] == kind; });
  return found == events.rend() ? none : *found;
}

void write_report(const FinishedRun& run, std::vector<TestedHead> tested) {
  NoGrad no_grad;
  const DataPlan& plan = run.plan;
  RunMaterial m{{.heads = std::move(tested),
                 .image = [&](uint32_t item) { return plan.store->picture(item); },
                 .file = [&](uint32_t item) { return plan.catalogue.items[item].file; }},
                run,
                read_events(run.folder / "metrics.jsonl")};
  write_file_atomically(run.folder / "report.html", page(m));
  write_file_atomically(run.folder / "confusion.csv", confusion_csv(m));
  fmt::print(stderr, "report: {}\n", (run.folder / "report.html").string());
}

void report_again(TrainConfig& config) {
  set_thread_count(int(config.train.threads));
  const auto path = std::filesystem::path(config.output.runs) / config.output.name;
  if (!std::filesystem::exists(path / "model.safetensors"))
    fail(Exit::usage, fmt::format("{} has no finished run; train it first", path.string()));
  RunFolder folder(path);
  folder.claim(config.keys());
  const DataPlan plan = plan_data(config);
  check_split(path / "split.csv", split_csv(plan.catalogue, plan.split, plan.groups));
  LoadedModel loaded = load_model(folder.model_path());
  const Device device = device_from_name(config.train.device);
  move_to(*loaded.model, device);
  const BatchMaker batches(plan.catalogue, plan.store, loaded.info.preprocess, dtype_from_name(config.train.precision),
                           device);
  const CalibrationSet answered = answer(*loaded.model, batches, plan.test, config.scoring_batch(), "testing");
  write_report(
      {.folder = path, .config = config, .plan = plan, .info = loaded.info, .model = *loaded.model, .batches = batches},
      test_pass(loaded.info, answered, plan.test));
}

}  // namespace pc
