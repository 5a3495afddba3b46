// The OpenAPI document of the server.
#pragma once

#include <string>

namespace pc::serve {

// JSON. `model`: the model's name in paths.
std::string openapi_document(const std::string& model);

}  // namespace pc::serve
