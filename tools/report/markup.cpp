#include "tools/report/markup.h"

#include <fmt/format.h>

#include "tools/cli/terminal.h"
#include "tools/html/html.h"

namespace pc {

std::string name_text(const std::string& name) { return html_text(clipped(name, 60)); }
std::string percent(double share) { return fmt::format("{:.1f}\u00a0%", 100 * share); }
std::string blank_or(const std::optional<double>& figure) { return figure ? fmt::format("{:.3f}", *figure) : ""; }

std::string tile(const std::string& name, const std::string& value) {
  return fmt::format("<div><dt>{}</dt><dd>{}</dd></div>\n", name, html_text(value));
}

}  // namespace pc
