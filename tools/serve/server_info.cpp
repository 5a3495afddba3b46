#include "tools/serve/server_info.h"

#include <nlohmann/json.hpp>

namespace pc {
namespace {

using nlohmann::ordered_json;

Response json_response(int status, const ordered_json& json) { return {.status = status, .body = json.dump() + "\n"}; }

ordered_json tensor(const std::string& name, const char* type, const std::vector<int64_t>& shape) {
  return {{"name", name}, {"datatype", type}, {"shape", shape}};
}

}  // namespace

Response live_response() { return json_response(200, {{"live", true}}); }

Response ready_response(bool ready) { return json_response(ready ? 200 : 503, {{"ready", ready}}); }

Response server_response() {
  return json_response(200, {{"name", "pcserve"}, {"version", PC_VERSION}, {"extensions", ordered_json::array()}});
}

Response model_response(const std::string& name, const ModelInfo& info) {
  ordered_json outputs = ordered_json::array(), labels = ordered_json::object();
  for (const Head& head : info.heads) {
    outputs.push_back(tensor(head.name, "FP32", {-1, int64_t(head.labels.size())}));
    outputs.push_back(tensor(head.name + ".label", "BYTES", {-1}));
    outputs.push_back(tensor(head.name + ".p", "FP64", {-1}));
    labels[head.name] = head.labels;
  }
  const ordered_json inputs = {tensor("image", "UINT8", {-1, -1, -1, 3}), tensor("file", "BYTES", {-1})};
  return json_response(200, {{"name", name},
                             {"versions", {"1"}},
                             {"platform", "pc_" + info.architecture},
                             {"inputs", inputs},
                             {"outputs", outputs},
                             {"labels", labels}});
}

}  // namespace pc
