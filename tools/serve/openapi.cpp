#include "tools/serve/openapi.h"

#include "tools/cli/json.h"
#include "tools/serve/infer_response.h"
#include "tools/serve/page_files.h"
#include "tools/serve/query.h"

namespace pc::serve {
namespace {

using nlohmann::ordered_json;

ordered_json content_of(const std::vector<Content>& contents) {
  ordered_json all = ordered_json::object();
  for (const Content& content : contents) {
    ordered_json schema = {{"type", "string"}};
    if (!content.schema.empty())
      schema = {{"$ref", "#/components/schemas/" + content.schema}};
    else if (!content.type.starts_with("text/"))
      schema["format"] = "binary";
    all[content.type] = {{"schema", std::move(schema)}};
  }
  return all;
}

ordered_json parameters_of(const Route& route, const ServedModel& model) {
  ordered_json all = ordered_json::array();
  const auto add = [&](const char* name, const char* in, const char* help, ordered_json schema) {
    all.push_back({{"name", name}, {"in", in}, {"description", help}, {"schema", std::move(schema)}});
  };
  if (route.query)
    for (const QueryParameter& p : query_parameters(model.predictor.info(), model.index != nullptr)) {
      ordered_json schema{{"type", "integer"}, {"default", p.usual}};
      if (p.values.empty())
        schema["minimum"] = p.least, schema["maximum"] = p.most;
      else
        schema["enum"] = p.values;
      add(p.name, "query", p.help, std::move(schema));
    }
  if (route.binary_tensors)
    add(kJsonLength, "header", "Bytes of the JSON in the body; binary tensors follow it",
        {{"type", "integer"}, {"minimum", 0}});
  return all;
}

ordered_json responses_of(const Route& route, bool token) {
  ordered_json all = ordered_json::object();
  for (const int status : route.all_statuses()) {
    if (status == 401 && !token) continue;
    all[std::to_string(status)] = {{"description", reason_of(status)},
                                   {"content", content_of({{"application/json", "Error"}})}};
  }
  ordered_json& good = all["200"];
  good["content"] = content_of(route.answers);
  if (route.binary_tensors)
    good["headers"][kJsonLength] = {{"description", "Bytes of the JSON in the body, if binary tensors follow it"},
                                    {"schema", {{"type", "integer"}}}};
  return all;
}

ordered_json operation_of(const Route& route, const ServedModel& model, bool token) {
  ordered_json operation{{"operationId", route.operation}, {"summary", route.summary}};
  if (ordered_json parameters = parameters_of(route, model); !parameters.empty())
    operation["parameters"] = std::move(parameters);
  if (!route.bodies.empty()) operation["requestBody"] = {{"required", true}, {"content", content_of(route.bodies)}};
  operation["responses"] = responses_of(route, token);
  if (token && route.guard == Guard::token) operation["security"] = {{{"token", ordered_json::array()}}};
  return operation;
}

}  // namespace

std::string openapi_document(const std::vector<Route>& routes, const ServedModel& model, bool token) {
  ordered_json document{{"openapi", "3.0.3"},
                        {"info",
                         {{"title", "pcserve"},
                          {"version", PC_VERSION},
                          {"description", "Names the product in an image, with calibrated probabilities."}}},
                        {"paths", ordered_json::object()},
                        {"components", {{"schemas", ordered_json::parse(kSchemas)}}}};
  for (const Route& route : routes)
    document["paths"][route.path][route.method == "POST" ? "post" : "get"] = operation_of(route, model, token);
  ordered_json& names = document["components"]["schemas"]["RequestedOutput"]["properties"]["name"]["enum"];
  for (const TensorInfo& output : output_tensors(model.predictor.info())) names.push_back(output.name);
  if (token) document["components"]["securitySchemes"]["token"] = {{"type", "http"}, {"scheme", "bearer"}};
  return cli::one_line(document) + "\n";
}

}  // namespace pc::serve
