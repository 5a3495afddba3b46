// The text form of chosen convolution engines, one a line: "DEVICE; CONVOLUTION = ENGINE".
#pragma once

#include <map>
#include <string>

namespace pc {

using Conv2dChoices = std::map<std::string, std::string>;  // "DEVICE; CONVOLUTION" -> "ENGINE"

// Adds the lines of `text`; of two for one convolution the last holds. Throws Error(data), "NAME:LINE: …", if a line is not
// a choice of printable characters.
void add_conv2d_choices(Conv2dChoices& choices, const std::string& text, const std::string& name);
std::string to_text(const Conv2dChoices& choices);  // sorted

}  // namespace pc
