// Small pieces of HTML that several sections share.
#pragma once

#include <optional>
#include <string>

namespace pc {

// A name from the data: escaped, and clipped where it is long.
std::string name_text(const std::string& name);
std::string percent(double share);                          // "93.4 %", which no line break parts
std::string blank_or(const std::optional<double>& figure);  // "0.934", or nothing

std::string tile(const std::string& name, const std::string& value);  // of a <dl>

}  // namespace pc
