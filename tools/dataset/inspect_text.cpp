#include "tools/dataset/inspect_text.h"

#include <fmt/format.h>

#include <algorithm>

namespace pc::dataset {
namespace {

std::string percent(double share) { return fmt::format("{:.1f} %", 100 * share); }

std::string line(const char* name, int64_t count, const std::string& remark = "") {
  return fmt::format("  {:<23} {:>9}{}{}\n", name, cli::grouped(count), remark.empty() ? "" : "   ", remark);
}

std::string more(std::size_t shown, std::size_t all) {
  return all > shown ? fmt::format("    and {} more\n", cli::grouped(int64_t(all - shown))) : "";
}

std::string counts_text(const char* name, const Counts& counts, std::size_t top) {
  std::string text = fmt::format("\n{}\n", name);
  const std::size_t shown = std::min(top ? top : counts.size(), counts.size());
  for (std::size_t i = 0; i < shown; ++i) text += line(counts[i].first.c_str(), counts[i].second);
  return text + more(shown, counts.size());
}

std::string suspects_text(const data::Catalog& catalog, std::size_t column, const std::vector<Disagreement>& all,
                          std::size_t groups, std::size_t top, const cli::Terminal& terminal) {
  if (all.empty()) return "";
  std::string text = fmt::format("  {}: {} of {} groups\n", visible(catalog.columns[column]),
                                 cli::grouped(int64_t(all.size())), cli::grouped(int64_t(groups)));
  const std::size_t shown = std::min(top ? top : all.size(), all.size());
  for (std::size_t i = 0; i < shown; ++i) {
    std::string group;
    for (const uint32_t item : all[i].items) {
      group += fmt::format("{}{} {}", group.empty() ? "" : " | ", visible(catalog.items[item].file),
                           visible(label_of(catalog, item, column)));
    }
    text +=
        "    " + (terminal.on ? cli::clipped(group, std::size_t(std::max(20, terminal.columns - 4))) : group) + "\n";
  }
  return text + more(shown, all.size());
}

int64_t largest(const std::vector<std::vector<uint32_t>>& groups) {
  std::size_t most = 0;
  for (const auto& group : groups) most = std::max(most, group.size());
  return int64_t(most);
}

std::string pictures_text(const data::DataSet& data, const Inspection& found) {
  const data::Catalog::Report& report = data.catalog.report;
  int64_t in_groups = 0;
  for (const auto& group : found.groups) in_groups += int64_t(group.size());
  std::string text;
  if (data.kind == "kaggle") {
    text += line("rows", report.rows);
    text += line("repaired rows", report.repaired_rows, report.repaired_rows ? "an unquoted comma, joined again" : "");
    text += line("rows without an image", report.rows_without_image);
    text += line("images without a row", report.images_without_row);
    text += line("duplicate ids", report.duplicate_ids, report.duplicate_ids ? "the first row counts" : "");
  } else if (report.images_without_row > 0) {
    text += line("in no class folder", report.images_without_row);
  }
  text += line("images", found.pictures);
  text += line("unreadable", int64_t(found.unreadable.size()));
  text +=
      line("near-duplicate groups", int64_t(found.groups.size()),
           fmt::format("{} images, {} in the largest", cli::grouped(in_groups), cli::grouped(largest(found.groups))));
  return text;
}

}  // namespace

std::string balance_text(const ColumnFacts& column) {
  if (column.classes.empty()) return "no image has a label";
  const int64_t median = column.classes[column.classes.size() / 2].count, singles = column.classes_below(2);
  std::string text = fmt::format("{} class{}; the largest has {} of the labels, {:.3g} times the median",
                                 column.classes.size(), column.classes.size() == 1 ? "" : "es",
                                 percent(column.majority()), double(column.classes.front().count) / double(median));
  if (singles) text += fmt::format("; {} with one image", singles);
  if (const int64_t rare = column.classes_below(20); rare > singles)
    text += fmt::format("; {} with fewer than 20", rare);
  if (column.missing) text += fmt::format("; {} images without a label", cli::grouped(column.missing));
  return text;
}

std::string class_table(const ColumnFacts& column, std::size_t top, const cli::Terminal& terminal) {
  const auto& classes = column.classes;
  const std::size_t shown = std::min(top ? top : classes.size(), classes.size());
  const std::vector<std::string> names = shown_names(column);
  std::size_t name_width = 1;
  for (std::size_t i = 0; i < shown; ++i) name_width = std::max(name_width, cli::width(names[i]));
  constexpr int kNumbers = 4 + 10 + 9 + 2;  // indent, count, share, gap
  if (terminal.on) name_width = std::min(name_width, std::size_t(std::max(8, terminal.columns - kNumbers - 8)));
  const int bar_width = std::min(60, terminal.columns - kNumbers - int(name_width));
  std::string text;
  int64_t rest = column.labeled;
  for (std::size_t i = 0; i < shown; ++i) {
    const double share = double(classes[i].count) / double(column.labeled);
    const std::string name = terminal.on ? cli::clipped(names[i], name_width) : names[i];
    text +=
        fmt::format("    {}{:>10}{:>9}", cli::padded(name, name_width), cli::grouped(classes[i].count), percent(share));
    if ((terminal.on || terminal.color) && bar_width > 0) {
      const double of_largest = double(classes[i].count) / double(classes.front().count);
      text += "  " + cli::painted(cli::bar(of_largest, bar_width), terminal.color);
    }
    text += "\n";
    rest -= classes[i].count;
  }
  if (shown < classes.size())
    text += fmt::format("    and {} more: {} images\n", classes.size() - shown, cli::grouped(rest));
  return text;
}

std::string inspection_text(const std::string& name, const data::DataSet& data, const Inspection& found,
                            std::size_t top, const cli::Terminal& terminal) {
  std::string text = fmt::format("{} ({})\n", visible(name), data.kind) + pictures_text(data, found);
  const data::Catalog::Report& report = data.catalog.report;
  if (!report.warnings.empty()) text += "\nto look at first\n";
  for (const std::string& warning : report.warnings) text += fmt::format("  {}\n", visible(warning));
  if (!report.notes.empty()) text += "\nrows and files to look at\n";
  for (const std::string& note : report.notes) text += fmt::format("  {}\n", visible(note));
  if (!found.unreadable.empty()) text += "\nunreadable\n";
  const std::size_t shown = std::min(top ? top : found.unreadable.size(), found.unreadable.size());
  for (std::size_t i = 0; i < shown; ++i) text += fmt::format("  {}\n", visible(found.unreadable[i].reason));
  text += more(shown, found.unreadable.size());
  text += counts_text("sizes", found.sizes, top) + counts_text("formats", found.modes, top);
  for (const ColumnFacts& column : found.columns)
    text += fmt::format("\n{}: {}\n", visible(column.name), balance_text(column)) + class_table(column, top, terminal);
  std::string suspects;
  for (std::size_t c = 0; c < found.columns.size(); ++c)
    suspects += suspects_text(data.catalog, c, found.disagreements[c], found.groups.size(), top, terminal);
  if (!suspects.empty()) text += "\nlikely wrong labels: near-identical images that disagree\n" + suspects;
  return text;
}

}  // namespace pc::dataset
