// The table of accuracies.
#pragma once

#include <string>

#include "tools/report/material.h"

namespace pc {

// `which` says what pictures these are.
std::string results_section(const Material& m, const std::string& which);

}  // namespace pc
