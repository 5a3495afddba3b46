#include "kernels/conv2d/conv2d_choices.h"

#include <algorithm>
#include <sstream>

#include "kernels/base/error.h"

namespace pc {
namespace {

bool is_choice(const std::string& line, std::size_t equals) {
  const std::size_t device = line.find("; ");
  return equals != std::string::npos && device != std::string::npos && device + 2 < equals &&
         equals + 3 < line.size() && std::all_of(line.begin(), line.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

}  // namespace

void add_conv2d_choices(Conv2dChoices& choices, const std::string& text, const std::string& name) {
  std::istringstream lines(text);
  int number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    const std::size_t equals = line.find(" = ");
    if (!is_choice(line, equals))
      fail(Exit::data, name + ":" + std::to_string(number) +
                           ": expected \"DEVICE; CONVOLUTION = ENGINE\"; remove the file, the engines are found again");
    choices[line.substr(0, equals)] = line.substr(equals + 3);
  }
}

std::string to_text(const Conv2dChoices& choices) {
  std::string lines;
  for (const auto& [convolution, engine] : choices) lines += convolution + " = " + engine + "\n";
  return lines;
}

}  // namespace pc
