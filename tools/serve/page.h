// The page at "/": one HTML file that loads nothing else.
#pragma once

#include <string>

#include "models/model_file.h"

namespace pc {

// `model`: its name; `similar`: whether similar products can be asked for.
std::string page_html(const std::string& model, const ModelInfo& info, bool similar);

// Its Content-Security-Policy: this style and this script, by their hashes, requests to this server, nothing else.
std::string page_policy();

}  // namespace pc
