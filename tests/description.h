// What a program printed besides the lines on the data set that it begins with.
#pragma once

#include <sstream>
#include <string>

namespace pc::test {

inline std::string without_description(const std::string& printed) {
  std::istringstream lines(printed);
  std::string rest;
  for (std::string line; std::getline(lines, line);)
    if (!line.starts_with("data: ")) rest += line + "\n";
  return rest;
}

}  // namespace pc::test
