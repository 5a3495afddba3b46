#include "tools/serve/server_info.h"

#include "tools/cli/json.h"
#include "tools/serve/infer_response.h"

namespace pc::serve {
namespace {

using nlohmann::ordered_json;

Response json_response(int status, const ordered_json& json) {
  return {.status = status, .body = cli::one_line(json) + "\n"};
}

ordered_json tensor(const TensorInfo& info) {
  return {{"name", info.name}, {"datatype", info.type}, {"shape", info.shape}};
}

}  // namespace

Response live_response() { return json_response(200, {{"live", true}}); }

Response ready_response(bool ready) {
  if (ready) return json_response(200, {{"ready", true}});
  return json_response(503, {{"ready", false}, {"error", "the server is about to end"}});
}

Response server_response() {
  return json_response(200, {{"name", "pcserve"}, {"version", PC_VERSION}, {"extensions", {"binary_tensor_data"}}});
}

Response model_response(const std::string& name, const ModelInfo& info) {
  ordered_json outputs = ordered_json::array(), labels = ordered_json::object();
  for (const TensorInfo& output : output_tensors(info)) outputs.push_back(tensor(output));
  for (const Head& head : info.heads) labels[head.name] = head.labels;
  const ordered_json inputs = {tensor({"image", "UINT8", {-1, -1, -1, 3}}), tensor({"file", "BYTES", {-1}})};
  return json_response(200, {{"name", name},
                             {"versions", {"1"}},
                             {"platform", "pc_" + info.architecture},
                             {"inputs", inputs},
                             {"outputs", outputs},
                             {"labels", labels}});
}

}  // namespace pc::serve
