// What else belongs to a run: calibration, the table of shifts, the model card, and how to reproduce it.
#pragma once

#include <string>

#include "tools/report/finished_run.h"

namespace pc {

std::string calibration_section(const RunMaterial& m);  // empty without its event
std::string shift_section(const RunMaterial& m);        // empty without shift.json
std::string card_section(const RunMaterial& m);
std::string reproduce_section(const RunMaterial& m);

}  // namespace pc
