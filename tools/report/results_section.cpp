#include "tools/report/results_section.h"

#include <fmt/format.h>

#include "tools/cli/terminal.h"
#include "tools/report/markup.h"

namespace pc::report {

std::string results_section(const Material& m, const std::string& which) {
  std::string html = fmt::format(
      "<h2 id=\"results\">Results</h2>\n<p>{} The interval is Wilson's, 95 %. Macro-F1 and macro recall are means over "
      "the classes with an image, so that rare ones count like frequent ones. Majority is what always giving the most "
      "frequent answer would reach.</p>\n<div class=\"scroll\"><table><thead><tr><th>head<th>classes<th>n<th>accuracy"
      "<th>95 % interval<th>macro-F1<th>macro recall<th>majority<th>without label</tr></thead><tbody>\n",
      which);
  for (const TestedHead& head : m.heads) {
    const evaluate::HeadScore& s = head.score;
    html += fmt::format("<tr><th>{}<td>{}<td>{}", name_text(s.name), cli::grouped(s.truths()), cli::grouped(s.n()));
    if (s.n() == 0) {
      html += "<td><td><td><td><td>";
    } else {
      const evaluate::Interval interval = evaluate::wilson(s.accuracy(), s.n());
      html +=
          fmt::format("<td><b>{}</b><td>{:.1f} … {:.1f} %<td>{}<td>{:.3f}<td>{}", percent(s.accuracy()),
                      100 * interval.low, 100 * interval.high, s.mapped() ? "" : fmt::format("{:.3f}", s.macro_f1()),
                      s.macro_recall(), percent(s.majority()));
    }
    html += fmt::format("<td>{}</tr>\n", cli::grouped(s.unknown));
  }
  return html + "</tbody></table></div>\n";
}

}  // namespace pc::report
