// The routes of pcserve: one list, by which requests are answered and from which the OpenAPI document is written.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tools/serve/access.h"
#include "tools/serve/served_model.h"
#include "tools/serve/service.h"

namespace pc::serve {

class App;

// A request on its way to its handler. The call owns its model: a reload frees no model that a request still uses.
struct Call {
  Request request;
  Respond respond;
  std::shared_ptr<ServedModel> model;
};

// A form that a body may have: its media type, and the name of its schema in web/schemas.json; "": bytes or text.
struct Content {
  std::string type, schema = "";
};

struct Route {
  std::string path, method;  // "GET" (HEAD goes with it) or "POST"
  void (App::*handler)(Call&);
  std::string operation, summary;
  std::vector<Content> answers;      // of status 200
  std::vector<Content> bodies = {};  // of a POST; a request that names no media type is one of them all the same
  std::vector<int> statuses = {};    // beyond those that every route has
  Guard guard = Guard::token;
  bool query = false;           // takes the parameters of query.h
  bool binary_tensors = false;  // takes and gives the field Inference-Header-Content-Length

  // Every status that it can be answered with, rising.
  std::vector<int> all_statuses() const;
};

// `model`: the model's name in paths.
std::vector<Route> routes(const std::string& model);

}  // namespace pc::serve
