#include "tools/serve/routes.h"

#include <algorithm>

#include "tools/serve/app.h"

namespace pc::serve {
namespace {

const std::string kJson = "application/json", kBytes = "application/octet-stream";

// KServe's routes of a model; they exist with and without the model's only version.
void add_model_routes(std::vector<Route>& routes, const std::string& path, const std::string& suffix) {
  routes.push_back({.path = path,
                    .method = "GET",
                    .handler = &App::model_info,
                    .operation = "modelMetadata" + suffix,
                    .summary = "Inputs, outputs and labels of the model",
                    .answers = {{kJson, "ModelMetadata"}}});
  routes.push_back({.path = path + "/ready",
                    .method = "GET",
                    .handler = &App::ready,
                    .operation = "modelReady" + suffix,
                    .summary = "As /v2/health/ready",
                    .answers = {{kJson, "Ready"}},
                    .guard = Guard::none});
  routes.push_back({.path = path + "/infer",
                    .method = "POST",
                    .handler = &App::infer,
                    .operation = "modelInfer" + suffix,
                    .summary = "KServe v2 inference: tensors in JSON, or as bytes after the JSON",
                    .answers = {{kJson, "InferResponse"}, {kBytes}},
                    .bodies = {{kJson, "InferRequest"}, {kBytes}},
                    .statuses = {422, 504},
                    .binary_tensors = true});
}

}  // namespace

std::vector<Route> routes(const std::string& model) {
  std::vector<Route> all{
      {.path = "/v1/predict",
       .method = "POST",
       .handler = &App::predict,
       .operation = "predict",
       .summary = "Names what is in one image, or in each image of a form",
       .answers = {{kJson, "PredictResponse"}},
       .bodies = {{"image/jpeg"}, {"image/png"}, {"image/webp"}, {kBytes}, {"multipart/form-data", "ImageForm"}},
       .statuses = {422, 504},
       .query = true},
      {.path = "/v2",
       .method = "GET",
       .handler = &App::server_info,
       .operation = "serverMetadata",
       .summary = "Name, version and extensions of the server",
       .answers = {{kJson, "ServerMetadata"}}},
      {.path = "/v2/health/live",
       .method = "GET",
       .handler = &App::live,
       .operation = "serverLive",
       .summary = "Whether the server runs",
       .answers = {{kJson, "Live"}},
       .guard = Guard::none},
      {.path = "/v2/health/ready",
       .method = "GET",
       .handler = &App::ready,
       .operation = "serverReady",
       .summary = "Whether the server takes requests: 503 while it ends",
       .answers = {{kJson, "Ready"}},
       .guard = Guard::none},
  };
  add_model_routes(all, "/v2/models/" + model, "");
  add_model_routes(all, "/v2/models/" + model + "/versions/1", "OfVersion");
  all.push_back({.path = "/metrics",
                 .method = "GET",
                 .handler = &App::metrics,
                 .operation = "metrics",
                 .summary = "Prometheus metrics, text format 0.0.4",
                 .answers = {{"text/plain"}}});
  all.push_back({.path = "/openapi.json",
                 .method = "GET",
                 .handler = &App::openapi,
                 .operation = "openapi",
                 .summary = "This document",
                 .answers = {{kJson, "Document"}},
                 .guard = Guard::host});
  all.push_back({.path = "/",
                 .method = "GET",
                 .handler = &App::page,
                 .operation = "page",
                 .summary = "A page to try images on",
                 .answers = {{"text/html"}},
                 .guard = Guard::host});
  return all;
}

std::vector<int> Route::all_statuses() const {
  std::vector<int> all{200, 400, 405, 408, 413, 414, 431, 500, 503};
  if (guard >= Guard::host) all.push_back(421);
  if (guard == Guard::token) all.push_back(401);
  if (method == "POST") all.insert(all.end(), {403, 415});
  all.insert(all.end(), statuses.begin(), statuses.end());
  std::sort(all.begin(), all.end());
  return all;
}

}  // namespace pc::serve
