// What the server says of itself, as KServe v2 has it: health, server and model metadata.
#pragma once

#include <string>

#include "models/model_file.h"
#include "tools/serve/message.h"

namespace pc {

Response live_response();
Response ready_response(bool ready);  // 503 where it is not
Response server_response();
// `name`: the model's name in paths.
Response model_response(const std::string& name, const ModelInfo& info);

}  // namespace pc
