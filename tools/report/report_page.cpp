#include "tools/report/report_page.h"

#include <fmt/format.h>

#include "tools/report/chart.h"
#include "tools/report/markup.h"

namespace pc::report {
namespace {

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

// To those of the parts that the body has.
std::string navigation(const Material& m, const std::string& body) {
  std::string html = "<nav>";
  const auto link = [&](const std::string& id, const std::string& name) {
    if (body.find(fmt::format("<h2 id=\"{}\"", id)) != std::string::npos)
      html += fmt::format("<a href=\"#{}\">{}</a>", id, name);
  };
  link("results", "Results"), link("curves", "Learning curves");
  for (std::size_t h = 0; h < m.heads.size(); ++h) link(fmt::format("head{}", h), name_text(m.heads[h].score.name));
  link("looking", "Where it looks"), link("calibration", "Calibration"), link("shift", "Other images");
  link("card", "Model card"), link("reproduce", "How to reproduce");
  return html + "</nav>\n";
}

}  // namespace

std::string report_page(const Material& m, const std::string& name, const std::string& kind, const std::string& summary,
                        const std::string& body) {
  std::string html = fmt::format("<h1>{}</h1>\n", name_text(name)) + navigation(m, body) + summary + body;
  if (m.thumbnails.left_out()) html += "<p>Some thumbnails are left out to keep this page small.</p>\n";
  return html::html_page(name + ": " + kind, kStyle + std::string(kChartStyle) + m.thumbnails.css(), html + kScript);
}

}  // namespace pc::report
