// What a reader wants first: what was trained, and how it learned.
#pragma once

#include <string>

#include "tools/report/finished_run.h"

namespace pc {

std::string summary_section(const RunMaterial& m);
std::string curves_section(const RunMaterial& m);

}  // namespace pc
