// What the server says of itself: health, metadata, metrics, the OpenAPI document and the page.
#include <nlohmann/json.hpp>

#include "tools/serve/app.h"
#include "tools/serve/openapi.h"
#include "tools/serve/page.h"

namespace pc {
namespace {

using nlohmann::ordered_json;

Response json_response(int status, const ordered_json& json) { return {.status = status, .body = json.dump() + "\n"}; }

ordered_json tensor(const std::string& name, const char* type, const std::vector<int64_t>& shape) {
  return {{"name", name}, {"datatype", type}, {"shape", shape}};
}

}  // namespace

void App::live(Request&, const Respond& respond) { respond(json_response(200, {{"live", true}})); }

void App::ready(Request&, const Respond& respond) {
  const bool yes = !draining_;
  respond(json_response(yes ? 200 : 503, {{"ready", yes}}));
}

void App::server_info(Request&, const Respond& respond) {
  respond(json_response(200, {{"name", "pcserve"}, {"version", PC_VERSION}, {"extensions", ordered_json::array()}}));
}

void App::model_info(Request&, const Respond& respond) {
  const ModelInfo& info = model()->predictor.info();
  ordered_json outputs = ordered_json::array(), labels = ordered_json::object();
  for (const Head& head : info.heads) {
    outputs.push_back(tensor(head.name, "FP32", {-1, int64_t(head.labels.size())}));
    outputs.push_back(tensor(head.name + ".label", "BYTES", {-1}));
    outputs.push_back(tensor(head.name + ".p", "FP64", {-1}));
    labels[head.name] = head.labels;
  }
  const ordered_json inputs = {tensor("image", "UINT8", {-1, -1, -1, 3}), tensor("file", "BYTES", {-1})};
  respond(json_response(200, {{"name", settings_.name},
                              {"versions", {"1"}},
                              {"platform", "pc_" + info.architecture},
                              {"inputs", inputs},
                              {"outputs", outputs},
                              {"labels", labels}}));
}

void App::metrics(Request&, const Respond& respond) {
  const auto served = model();
  respond({.body = metrics_.text({.connections = open_,
                                  .queue = batcher_.admitted(),
                                  .ready = !draining_,
                                  .model = settings_.name,
                                  .architecture = served->predictor.info().architecture,
                                  .version = PC_VERSION}),
           .type = "text/plain; version=0.0.4; charset=utf-8"});
}

void App::openapi(Request&, const Respond& respond) { respond({.body = openapi_document(settings_.name)}); }

void App::page(Request&, const Respond& respond) {
  const auto served = model();
  respond({.body = page_html(settings_.name, served->predictor.info(), served->index != nullptr),
           .type = "text/html; charset=utf-8",
           .fields = {{"Content-Security-Policy", page_policy()}, {"X-Frame-Options", "DENY"}}});
}

}  // namespace pc
