// The parts of the report, each a piece of HTML.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tools/report/figures.h"
#include "tools/html/html.h"
#include "tools/report/report.h"

namespace pc {

// Tested pictures, for the sections that any evaluation has.
struct Material {
  std::vector<TestedHead> heads;
  std::function<Image(uint32_t item)> image;
  std::function<std::string(uint32_t item)> file;
  Thumbnails thumbnails = Thumbnails(kThumbBytes);

  const std::string& label(std::size_t head, int label) const { return heads[head].classes[std::size_t(label)]; }
  // What the network said of it, in its own words.
  const std::string& answer(std::size_t head, const Tested& t) const {
    return heads[head].labels[std::size_t(t.label)];
  }
  std::string picture(uint32_t item);

  static constexpr std::size_t kThumbBytes = 3'200'000;  // with the text of the sections, a page stays below 5 MB
};

// Those of a training run, and what else is known of it.
struct RunMaterial : Material {
  const FinishedRun& run;
  std::vector<nlohmann::json> events;

  // The last event of this kind; null where there is none.
  const nlohmann::json& event(const std::string& kind) const;
};

// A name from the data: escaped, and clipped where it is long.
std::string name_text(const std::string& name);
std::string percent(double share);                          // "93.4 %", which no line break parts
std::string blank_or(const std::optional<double>& figure);  // "0.934", or nothing

std::string tile(const std::string& name, const std::string& value);  // of a <dl>

// `which` says what pictures these are.
std::string results_section(const Material& m, const std::string& which);
std::string head_section(Material& m, std::size_t head);
// Those of all heads that a page has room for.
std::string head_sections(Material& m);

std::string summary_section(const RunMaterial& m);
std::string curves_section(const RunMaterial& m);
std::string looking_section(RunMaterial& m);
std::string calibration_section(const RunMaterial& m);  // empty without its event
std::string shift_section(const RunMaterial& m);        // empty without shift.json
std::string card_section(const RunMaterial& m);
std::string reproduce_section(const RunMaterial& m);

// The whole page, called `name`; `kind` says in the title what it is.
std::string report_page(const Material& m, const std::string& name, const std::string& kind, const std::string& summary,
                        const std::string& body);

}  // namespace pc
