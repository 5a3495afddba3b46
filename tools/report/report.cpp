#include "tools/report/report.h"

#include <fmt/format.h>

#include "data/csv.h"
#include "kernels/base/csv_writer.h"
#include "kernels/base/error.h"
#include "kernels/base/file.h"
#include "kernels/base/logger.h"
#include "kernels/base/parallel.h"
#include "tools/evaluate/evaluate.h"
#include "tools/report/figures.h"
#include "tools/report/head_section.h"
#include "tools/report/looking.h"
#include "tools/report/overview.h"
#include "tools/report/report_page.h"
#include "tools/report/results_section.h"
#include "tools/report/run_sections.h"
#include "tools/runs/events.h"
#include "tools/runs/run_folder.h"
#include "tools/runs/split_file.h"
#include "tools/weights/read_model.h"

namespace pc::report {
namespace {

std::string page(RunMaterial& m) {
  std::string body =
      results_section(m, "Images that neither trained nor validated; confusion.csv counts every answer.") +
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
      csv += fmt::format("{},{},{},{}\n", csv_cell(m.heads[h].score.name), csv_cell(m.label(h, pair.truth)),
                         csv_cell(m.label(h, pair.answer)), pair.count);
  return csv;
}

}  // namespace

void write_report(const FinishedRun& run, std::vector<TestedHead> tested) {
  NoGrad no_grad;
  const runs::DataPlan& plan = run.plan;
  RunMaterial m{{.heads = std::move(tested),
                 .image = [&](uint32_t item) { return plan.store->copy_image(item); },
                 .file = [&](uint32_t item) { return plan.catalog.items[item].file; }},
                run,
                runs::read_events(run.folder / "metrics.jsonl")};
  write_file_atomically(run.folder / "report.html", page(m));
  write_file_atomically(run.folder / "confusion.csv", confusion_csv(m));
  note("report: {}", (run.folder / "report.html").string());
}

void report_again(runs::TrainConfig& config) {
  set_thread_count(int(config.train.threads));
  const Device device = config.device();
  const auto path = std::filesystem::path(config.output.runs) / config.output.name;
  if (!path_exists(path / "model.safetensors"))
    fail(Exit::usage, fmt::format("{} has no finished run; train it first", path.string()));
  runs::RunFolder folder(path);
  folder.match_config(config.keys());
  const runs::DataPlan plan = runs::plan_data(config);
  runs::check_split(path / "split.csv", runs::split_csv(plan.catalog, plan.split, plan.groups));
  LoadedModel loaded = weights::read_model(folder.model_path());
  move_to(*loaded.model, device);
  const runs::BatchMaker batches(plan.catalog, plan.store, loaded.info.preprocess,
                                 dtype_from_name(config.train.precision), device);
  const evaluate::LabeledLogits answered =
      evaluate::collect_logits(*loaded.model, batches, plan.test, config.scoring_batch(), "testing");
  write_report(
      {.folder = path, .config = config, .plan = plan, .info = loaded.info, .model = *loaded.model, .batches = batches},
      test_pass(loaded.info, answered, plan.test));
}

}  // namespace pc::report
