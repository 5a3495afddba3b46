// The parts of the report, each a piece of HTML.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tools/report/figures.h"
#include "tools/report/html.h"
#include "tools/report/report.h"

namespace pc {

// What the sections draw on.
struct Material {
  const FinishedRun& run;
  std::vector<nlohmann::json> events;
  std::vector<TestedHead> heads;
  Thumbnails thumbnails;

  // The last event of this kind; null where there is none.
  const nlohmann::json& event(const std::string& kind) const;
  const std::string& label(std::size_t head, int label) const {
    return run.info.heads[head].labels[std::size_t(label)];
  }
  std::string picture(uint32_t item);
};

// A name from the data: escaped, and clipped where it is long.
std::string name_text(const std::string& name);
std::string percent(double share);                          // "93.4 %", which no line break parts
std::string blank_or(const std::optional<double>& figure);  // "0.934", or nothing

std::string summary_section(const Material& m);
std::string results_section(const Material& m);
std::string curves_section(const Material& m);
std::string head_section(Material& m, std::size_t head);
std::string looking_section(Material& m);
std::string calibration_section(const Material& m);  // empty without its event
std::string shift_section(const Material& m);        // empty without shift.json
std::string card_section(const Material& m);
std::string reproduce_section(const Material& m);

}  // namespace pc
