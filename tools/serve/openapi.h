// The OpenAPI document of the server, made from its routes.
#pragma once

#include <string>
#include <vector>

#include "tools/serve/routes.h"

namespace pc::serve {

// JSON, OpenAPI 3.0. What depends on the model is as the one that answers has it: precisions, outputs, the index.
// `token`: whether guarded routes ask for one.
std::string openapi_document(const std::vector<Route>& routes, const ServedModel& model, bool token);

}  // namespace pc::serve
