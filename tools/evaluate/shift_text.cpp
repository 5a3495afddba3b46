#include "tools/evaluate/shift_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "tools/cli/terminal.h"

namespace pc::evaluate {
namespace {

double share(const ShiftCell& cell) { return double(cell.correct) / double(cell.n); }
double drop(const ShiftCell& cell) { return double(cell.lost - cell.gained) / double(cell.n); }

nlohmann::ordered_json to_json(const ShiftCell& cell, bool paired) {
  if (cell.n == 0) return nullptr;
  const Interval interval = wilson(share(cell), cell.n);
  nlohmann::ordered_json j{{"n", cell.n},
                           {"accuracy", share(cell)},
                           {"low", interval.low},
                           {"high", interval.high},
                           {"mean_recall", cell.macro_recall}};
  if (paired) j["drop"] = drop(cell), j["lost"] = cell.lost, j["gained"] = cell.gained;
  return j;
}

constexpr std::size_t kCell = 36;  // columns of one model

std::string cell_text(const ShiftCell& cell, bool paired) {
  if (cell.n == 0) return "       -";
  const Interval interval = wilson(share(cell), cell.n);
  return fmt::format("{:>8} {:>6.1f}  {:<12} {:>5}", cli::grouped(cell.n), 100 * share(cell),
                     fmt::format("{:.1f} … {:.1f}", 100 * interval.low, 100 * interval.high),
                     paired ? fmt::format("{:+.1f}", -100 * drop(cell)) : "");
}

// Cells side by side, without blanks at the end.
std::string line_of(std::string text, const std::vector<std::string>& cells) {
  for (const std::string& cell : cells) text += "  " + cli::padded(cell, kCell);
  return text.erase(text.find_last_not_of(' ') + 1) + "\n";
}

std::string head_lines(const ShiftReport& report) {
  std::string text = visible(report.data) + (report.label.empty() ? "" : ", " + visible(report.label));
  text += report.sample == 0 ? "\n"
                             : fmt::format("; the corruptions on {} images of it, drawn with a fixed seed\n",
                                           cli::grouped(report.sample));
  if (!report.photos.empty())
    text += fmt::format("photos: {}; all models can name {}\n", visible(report.photos),
                        visible(fmt::format("{}", fmt::join(report.common_classes, ", "))));
  text += "accuracy in %, 95 % interval, and the change in points on the same images\n";
  return text + predict::conditions(report.network) + "\n";
}

}  // namespace

nlohmann::ordered_json to_json(const ShiftReport& report) {
  nlohmann::ordered_json models = nlohmann::ordered_json::array(), rows = nlohmann::ordered_json::array();
  for (std::size_t m = 0; m < report.models.size(); ++m)
    models.push_back({{"model", report.models[m]}, {"head", report.heads[m]}});
  for (const ShiftRow& row : report.rows) {
    nlohmann::ordered_json cells = nlohmann::ordered_json::array();
    for (const ShiftCell& cell : row.cells) cells.push_back(to_json(cell, row.paired));
    rows.push_back({{"row", row.name}, {"strength", row.strength}, {"cells", cells}});
  }
  nlohmann::ordered_json held_out = nlohmann::ordered_json::array();
  for (const HeldOut& one : report.held_out)
    held_out.push_back({{"name", one.model.name}, {"model", one.model.path}, {"cell", to_json(one.cell, false)}});
  return {{"data", report.data},     {"label", report.label},
          {"photos", report.photos}, {"common_classes", report.common_classes},
          {"sample", report.sample}, {"bad", report.bad.size()},
          {"models", models},        {"rows", rows},
          {"held_out", held_out}};
}

std::string to_table(const ShiftReport& report) {
  std::size_t name = 0, strength = 0;
  for (const ShiftRow& row : report.rows)
    name = std::max(name, cli::width(row.name)), strength = std::max(strength, cli::width(row.strength));
  std::vector<std::string> models, titles;
  for (const std::string& model : report.models) {
    models.push_back("      " + cli::clipped(visible(model), kCell - 6));
    titles.push_back("       n    acc.  interval      change");
  }
  const std::string margin = cli::padded("", name + 2 + strength);
  std::string text = head_lines(report) + line_of(margin, models) + line_of(margin, titles);
  for (const ShiftRow& row : report.rows) {
    std::vector<std::string> cells;
    for (const ShiftCell& cell : row.cells) cells.push_back(cell_text(cell, row.paired));
    text += line_of(cli::padded(row.name, name) + "  " + cli::padded(row.strength, strength), cells);
  }
  for (const HeldOut& one : report.held_out)
    text += line_of(fmt::format("held out: {}, by {}", visible(one.model.name), visible(one.model.path)),
                    {cell_text(one.cell, false)});
  return text + (report.bad.empty() ? "" : fmt::format("{} images could not be read\n", report.bad.size()));
}

}  // namespace pc::evaluate
