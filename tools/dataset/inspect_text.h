// An inspection as text: tables and bars for a terminal.
#pragma once

#include <string>

#include "tools/cli/terminal.h"
#include "tools/dataset/inspection.h"

namespace pc {

// One line per class: name, count, share and, on a terminal, a bar that fits into its width. The first `top` classes,
// then "and 12 more: 34 pictures"; top = 0: all.
std::string class_table(const ColumnFacts& column, std::size_t top, const Terminal& terminal);

// "7 classes; the largest has 48.1 % of the labels, 8.78 times the median; 1 with one picture; 2 with fewer than 20"
std::string balance_text(const ColumnFacts& column);

std::string inspection_text(const std::string& name, const DataSet& data, const Inspection& found, std::size_t top,
                            const Terminal& terminal);

}  // namespace pc
