#include "tools/report/run_sections.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <sstream>

#include "kernels/base/error.h"
#include "kernels/base/file.h"
#include "tools/cli/program.h"
#include "tools/cli/terminal.h"
#include "tools/report/figures.h"
#include "tools/report/markup.h"
#include "tools/runs/events.h"

namespace pc::report {
namespace {

using nlohmann::json;

constexpr std::size_t kWeakest = 5;
constexpr int64_t kEnough = 5;  // test pictures without which an F1 says little

std::string as_percent(const std::optional<double>& value) { return value ? percent(*value) : ""; }

// "Flats 0.21 (n = 14), …": the classes with the lowest F1.
std::string weakest(const Material& m, std::size_t head) {
  std::vector<ClassFigures> classes = class_figures(m.heads[head]);
  std::erase_if(classes, [](const ClassFigures& c) { return c.n < kEnough; });
  std::stable_sort(classes.begin(), classes.end(), [](const auto& a, const auto& b) { return *a.f1() < *b.f1(); });
  std::vector<std::string> names;
  for (std::size_t i = 0; i < std::min(kWeakest, classes.size()); ++i)
    names.push_back(
        fmt::format("{} {:.2f} (n = {})", name_text(m.label(head, classes[i].label)), *classes[i].f1(), classes[i].n));
  return names.empty() ? "no class has enough test images to tell" : fmt::format("{}", fmt::join(names, ", "));
}

std::string untested(const Material& m, std::size_t head) {
  const auto classes = class_figures(m.heads[head]);
  const auto n = std::count_if(classes.begin(), classes.end(), [](const ClassFigures& c) { return c.n == 0; });
  return n ? fmt::format("; {} classes, {} without a test image", classes.size(), n) : "";
}

// html_text takes a line break for a control character.
std::string lines_html(const std::string& text) {
  std::istringstream lines(text);
  std::string html;
  for (std::string line; std::getline(lines, line);) html += html::html_text(line) + "\n";
  return html;
}

// For a POSIX shell.
std::string shell_word(const std::string& text) {
  const auto plain = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || std::string("/._-+=,:").find(c) != std::string::npos;
  };
  if (!text.empty() && std::all_of(text.begin(), text.end(), plain)) return text;
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? "'\\''" : std::string(1, c);
  return quoted + "'";
}

std::string shift_cell(const json& cell) {
  const auto accuracy = runs::number_at(cell, {"accuracy"}), low = runs::number_at(cell, {"low"}),
             high = runs::number_at(cell, {"high"});
  if (!accuracy || !low || !high) return "<td><td>";
  const auto drop = runs::number_at(cell, {"drop"});
  return fmt::format("<td><b>{}</b> <small>{:.1f} … {:.1f}</small><td>{}", percent(*accuracy), 100 * *low, 100 * *high,
                     drop ? fmt::format("{:+.1f}", -100 * *drop) : "");
}

std::string shift_table(const json& shift) {
  std::string html = fmt::format(
      "<p>{}: accuracy, 95 % interval, and the change in points on the same images.</p>\n<div "
      "class=\"scroll\"><table><thead><tr><th>images<th>strength",
      name_text(shift.at("data").get<std::string>()));
  for (const json& model : shift.at("models"))
    html += fmt::format("<th>{} <small>{}</small><th>change", name_text(model.at("model").get<std::string>()),
                        name_text(model.at("head").get<std::string>()));
  html += "</tr></thead><tbody>\n";
  for (const json& row : shift.at("rows")) {
    html += fmt::format("<tr><th>{}<td>{}", name_text(row.at("row").get<std::string>()),
                        name_text(row.at("strength").get<std::string>()));
    for (const json& cell : row.at("cells")) html += shift_cell(cell);
    html += "</tr>\n";
  }
  html += "</tbody></table></div>\n";
  for (const json& one : shift.value("held_out", json::array())) {
    const auto accuracy = runs::number_at(one, {"cell", "accuracy"}), n = runs::number_at(one, {"cell", "n"});
    if (accuracy && n)
      html += fmt::format("<p>A model trained without this {}: {} of {} such images.</p>\n",
                          name_text(one.at("name").get<std::string>()), percent(*accuracy), cli::grouped(int64_t(*n)));
  }
  return html;
}

}  // namespace

std::string calibration_section(const RunMaterial& m) {
  const json& event = m.event("calibration");
  if (!event.is_object()) return "";
  std::string html =
      "<h2 id=\"calibration\">Calibration</h2>\n<p>Learned from the validation images, measured on the test "
      "images: at a wanted precision, the share "
      "that needs no review, and how much of it is correct.</p>\n<div "
      "class=\"scroll\"><table><thead><tr><th>head<th>temperature<th>ECE before<th>after";
  for (const char* wanted : {"90", "95", "99"}) html += fmt::format("<th>at {} %<th>correct", wanted);
  html += "</tr></thead><tbody>\n";
  for (const TestedHead& head : m.heads) {
    const std::string& name = head.score.name;
    html += fmt::format("<tr><th>{}<td>{}<td>{}<td>{}", name_text(name),
                        blank_or(runs::number_at(event, {"heads", name, "temperature"})),
                        blank_or(runs::number_at(event, {"heads", name, "test", "before", "ece"})),
                        blank_or(runs::number_at(event, {"heads", name, "test", "after", "ece"})));
    for (const char* wanted : {"90", "95", "99"})
      html += fmt::format("<td>{}<td>{}",
                          as_percent(runs::number_at(event, {"heads", name, "test", "sure", wanted, "share"})),
                          as_percent(runs::number_at(event, {"heads", name, "test", "sure", wanted, "precision"})));
    html += "</tr>\n";
  }
  return html + "</tbody></table></div>\n";
}

std::string shift_section(const RunMaterial& m) {
  const auto path = m.run.folder / "shift.json";
  if (!path_exists(path)) return "";
  try {
    return "<h2 id=\"shift\">Other images than those it learned from</h2>\n" +
           shift_table(json::parse(read_file(path)));
  } catch (const json::exception& error) {
    fail(Exit::data, fmt::format("{}: not what pceval --shift --json writes ({}); write it again or remove it",
                                 path.string(), error.what()));
  }
}

std::string card_section(const RunMaterial& m) {
  const runs::TrainConfig& config = m.run.config;
  const data::Catalog& catalog = m.run.plan.catalog;
  const auto begin = config.model.weights.empty() ? std::string("from random weights")
                                                  : "from the weights in " + name_text(config.model.weights);
  std::string html = fmt::format(
      "<h2 id=\"card\">Model card</h2>\n<ul>\n<li><b>What it is</b>: {} with one head for each of {}, trained {} for "
      "{} epochs.</li>\n"
      "<li><b>What it has seen</b>: {} images of {}, fitted by \"{}\" into {} × {} pixels.</li>\n"
      "<li><b>What it is for</b>: naming products in images like those. It knows these classes only{}.</li>\n",
      name_text(m.run.info.architecture), name_text(fmt::format("{}", fmt::join(catalog.columns, ", "))), begin,
      config.train.epochs, cli::grouped(int64_t(m.run.plan.train.size())), name_text(config.data.root),
      name_of(m.run.info.preprocess.resize), m.run.info.preprocess.width, m.run.info.preprocess.height,
      m.run.info.calibration ? "; pcpredict tells which answers to trust" : ", and names one of them for any image");
  for (std::size_t h = 0; h < m.heads.size(); ++h)
    html += fmt::format("<li><b>What {} does badly</b>, by F1: {}{}.</li>\n", name_text(m.heads[h].score.name),
                        weakest(m, h), untested(m, h));
  if (!path_exists(m.run.folder / "shift.json"))
    html +=
        "<li><b>What is not known</b>: how it does on other images than these, such as phone photos. pceval --shift "
        "measures it.</li>\n";
  return html +
         "<li><b>License</b>: that of the images and of the starting weights decides what this model may be used "
         "for; neither is known here.</li>\n</ul>\n";
}

namespace {

// "350 images, 2 of them unreadable, 1 row repaired": what there is none of goes unsaid.
std::string counts_text(const runs::DataPlan& plan) {
  const data::Catalog::Report& r = plan.catalog.report;
  std::string text = cli::counted(int64_t(plan.catalog.items.size()), "image");
  if (const auto bad = plan.store->bad().size()) text += fmt::format(", {} of them unreadable", bad);
  const auto add = [&](int64_t count, const char* noun, const char* what) {
    if (count > 0) text += fmt::format(", {} {}", cli::counted(count, noun), what);
  };
  add(r.repaired_rows, "row", "repaired");
  add(r.duplicate_ids, "row", "repeated");
  add(r.rows_without_image, "row", "without an image");
  add(r.images_without_row, "more image", "without a row or class folder");
  return text;
}

}  // namespace

std::string reproduce_section(const RunMaterial& m) {
  return fmt::format(
      "<h2 id=\"reproduce\">How to reproduce</h2>\n<pre>pctrain {} --set {}</pre>\n<p>{}. On the CPU the same weights "
      "come out, bit for bit, with any number "
      "of threads.</p>\n<p>Data: {}.</p>\n"
      "<h3>config.ini</h3>\n<pre>{}</pre>\n",
      html::html_text(shell_word((m.run.folder / "config.ini").string())),
      html::html_text(shell_word("output.name=" + m.run.config.output.name + "-again")), cli::version_text("pctrain"),
      counts_text(m.run.plan), lines_html(cli::to_ini(m.run.config.keys(), false)));
}

}  // namespace pc::report
