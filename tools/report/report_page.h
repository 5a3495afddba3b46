// The frame of a report: its style, its script, and the links to its sections.
#pragma once

#include <string>

#include "tools/report/material.h"

namespace pc {

// The whole page, called `name`; `kind` says in the title what it is.
std::string report_page(const Material& m, const std::string& name, const std::string& kind, const std::string& summary,
                        const std::string& body);

}  // namespace pc
