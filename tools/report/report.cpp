#include "tools/report/report.h"

#include <fmt/format.h>

#include <algorithm>

#include "data/csv.h"
#include "engine/file.h"
#include "kernels/runtime/error.h"
#include "kernels/runtime/parallel.h"
#include "tools/cli/progress.h"
#include "tools/cli/text.h"
#include "tools/predict/verdict.h"
#include "tools/report/sections.h"
#include "tools/train/events.h"
#include "tools/train/run_folder.h"
#include "tools/train/split_file.h"

namespace pc {
namespace {

using nlohmann::json;

constexpr std::size_t kThumbBytes = 3'200'000, kTextBytes = 1'200'000;  // together, and one more head, below 5 MB

constexpr const char* kStyle = R"(
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,26rem),1fr));gap:1rem;margin:.6rem 0}
.scroll{overflow-x:auto;margin:.5rem 0}.tall{max-height:34rem;overflow-y:auto}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}th,td{padding:.2rem .7rem;text-align:right;white-space:nowrap}
th{font-weight:600}tbody th,thead th:first-child{text-align:left}tbody tr{border-top:1px solid var(--line)}
.tall thead th{position:sticky;top:0;background:Canvas}.sort thead th{cursor:pointer;text-decoration:underline dotted}
.matrix{font-size:.72rem}.matrix td,.matrix th{padding:.1rem .25rem;text-align:center;min-width:1.1rem}.matrix tbody th{text-align:right}
.matrix thead th{vertical-align:bottom}.matrix thead span{writing-mode:vertical-rl;transform:rotate(180deg);display:inline-block;max-height:11rem;overflow:hidden}
.matrix td[style]{background:rgb(208 69 58/var(--a));print-color-adjust:exact}.matrix td.d{background:rgb(58 134 200/var(--a))}
.bad{color:var(--bad)}.good{color:#2a8f62}.group>p{width:100%;max-width:none}.pairs{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,35.5rem),1fr));gap:.6rem}.pairs figure{width:6.6rem}
@media(max-width:40rem){.pairs figure{width:18%;font-size:.62rem}.pairs .p{width:100%;max-width:60px}}.group{max-width:100%;box-sizing:border-box}
pre{background:var(--soft);border-radius:.4rem;padding:.6rem .8rem;overflow-x:auto;font-size:.8rem}
@media print{body{font-size:11px;max-width:none;padding:0}h2,h3,p{break-after:avoid}.group,figure,.chart,tr,.matrix{break-inside:avoid}
.scroll{overflow:visible}.tall{max-height:none}.tall thead th{position:static}th,td{padding:.1rem .4rem}
.charts,.pairs{grid-template-columns:1fr 1fr}.pairs figure{width:18%;font-size:.6rem}.pairs .p{width:100%;max-width:48px;height:64px}
.matrix{font-size:.5rem}.matrix td,.matrix th{padding:0;min-width:.6rem}pre{white-space:pre-wrap;overflow-wrap:anywhere}}
)";

// Sorts a table by the column whose heading was clicked, numbers from the largest, and the other way round at the next
// click.
constexpr const char* kScript = R"(<script>
for (const table of document.querySelectorAll('table.sort')) table.tHead.onclick = click => {
  const column = click.target.cellIndex, rows = [...table.tBodies[0].rows], up = table.dataset.by == column && table.dataset.up != 1;
  table.dataset.by = column; table.dataset.up = up ? 1 : 0;
  const text = row => row.cells[column].textContent, value = row => text(row) === '' ? -1 : Number(text(row));
  const compare = column == 0 ? (a, b) => text(a).localeCompare(text(b)) : (a, b) => value(b) - value(a);
  table.tBodies[0].append(...rows.sort((a, b) => up ? compare(b, a) : compare(a, b)));
};
</script>
)";

std::string navigation(const Material& m, const std::string& body) {
  std::string html = "<nav>";
  const auto link = [&](const std::string& id, const std::string& name) {
    if (body.find(fmt::format("<h2 id=\"{}\"", id)) != std::string::npos)
      html += fmt::format("<a href=\"#{}\">{}</a>", id, name);
  };
  link("results", "Test"), link("curves", "Learning curves");
  for (std::size_t h = 0; h < m.heads.size(); ++h) link(fmt::format("head{}", h), name_text(m.heads[h].score.name));
  link("looking", "Where it looks"), link("calibration", "Calibration"), link("shift", "Other pictures");
  link("card", "Model card"), link("reproduce", "The same again");
  return html + "</nav>\n";
}

std::string page(Material& m) {
  std::string body = results_section(m) + curves_section(m);
  std::size_t head = 0;
  for (; head < m.heads.size() && body.size() < kTextBytes; ++head) body += head_section(m, head);
  if (head < m.heads.size())
    body += fmt::format("<p>{} more heads are left out to keep this page small.</p>\n", m.heads.size() - head);
  if (!m.run.plan.test.empty()) body += looking_section(m);
  body += calibration_section(m) + shift_section(m) + card_section(m) + reproduce_section(m);
  if (m.thumbnails.left_out()) body += "<p>Some thumbnails are left out to keep this page small.</p>\n";
  const std::string& name = m.run.config.output.name;
  body = fmt::format("<h1>{}</h1>\n", name_text(name)) + navigation(m, body) + summary_section(m) + body + kScript;
  return html_page(name + ": training report", kStyle + std::string(kChartStyle) + m.thumbnails.css(), body);
}

std::string confusion_csv(const Material& m) {
  std::string csv = "head,label,answer,count\n";
  for (std::size_t h = 0; h < m.heads.size(); ++h)
    for (const PairCount& pair : pair_counts(m.heads[h]))
      csv += fmt::format("{},{},{},{}\n", csv_field(m.heads[h].score.name), csv_field(m.label(h, pair.truth)),
                         csv_field(m.label(h, pair.answer)), pair.count);
  return csv;
}

}  // namespace

const json& Material::event(const std::string& kind) const {
  static const json none;
  const auto found =
      std::find_if(events.rbegin(), events.rend(), [&](const json& event) { return event["event"] == kind; });
  return found == events.rend() ? none : *found;
}

std::string Material::picture(uint32_t item) {
  return thumbnails.show(fmt::format("p{}", item), run.plan.catalogue.items[item].file,
                         [&] { return run.plan.store->picture(item); });
}

std::string name_text(const std::string& name) { return html_text(clipped(name, 60)); }
std::string percent(double share) { return fmt::format("{:.1f}\u00a0%", 100 * share); }
std::string blank_or(const std::optional<double>& figure) { return figure ? fmt::format("{:.3f}", *figure) : ""; }

void write_report(const FinishedRun& run) {
  NoGrad no_grad;
  Material m{.run = run,
             .events = read_events(run.folder / "metrics.jsonl"),
             .heads = {},
             .thumbnails = Thumbnails(kThumbBytes)};
  {
    Progress progress("reporting", int64_t(run.plan.test.size()));
    m.heads = test_pass(run.model, run.info.head_shapes(), run.batches, run.plan.test,
                        int(std::min<int64_t>(run.config.train.batch, 64)), temperatures(run.info),
                        [&](int64_t done) { progress.update(done); });
  }
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
  write_report({.folder = path,
                .config = config,
                .plan = plan,
                .info = loaded.info,
                .model = *loaded.model,
                .batches = batches});
}

}  // namespace pc
