// One head looked at closely: which classes it confuses, where it is confidently wrong, what its probabilities are worth.
#pragma once

#include <cstddef>
#include <string>

#include "tools/report/material.h"

namespace pc {

std::string head_section(Material& m, std::size_t head);
// Those of all heads that fit on a page.
std::string head_sections(Material& m);

}  // namespace pc
