// Where the network looks: class activation maps of a few test pictures.
#pragma once

#include <string>

#include "tools/report/finished_run.h"

namespace pc {

std::string looking_section(RunMaterial& m);

}  // namespace pc
