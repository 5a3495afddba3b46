#include "tools/serve/app.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <utility>

#include "kernels/base/error.h"
#include "kernels/base/text.h"
#include "kernels/base/thread.h"
#include "tools/serve/answering.h"
#include "tools/serve/openapi.h"
#include "tools/serve/page.h"
#include "tools/serve/server_info.h"

namespace pc::serve {
namespace {

std::string media_type(const Request& request) {
  const std::string_view type = request.field("Content-Type");
  return std::string(trimmed(type.substr(0, type.find(';'))));
}

}  // namespace

App::App(const AppSettings& settings)
    : settings_(settings),
      routes_(routes(settings.name)),
      model_(open_model(settings.model, settings.name, settings.network, settings.index)),
      workers_(settings.workers),
      batcher_(settings.batch, metrics_) {}

App::~App() {
  if (reloader_.joinable()) reloader_.join();
}

std::vector<App::Route> App::routes(const std::string& name) {
  const std::string model = "/v2/models/" + name;
  return {
      {"/", "GET", &App::page, Guard::host},
      {"/v1/predict",
       "POST",
       &App::predict,
       Guard::token,
       {"image/jpeg", "image/png", "image/webp", "application/octet-stream", "multipart/form-data"}},
      {"/v2", "GET", &App::server_info},
      {"/v2/health/live", "GET", &App::live, Guard::none},
      {"/v2/health/ready", "GET", &App::ready, Guard::none},
      {model, "GET", &App::model_info},
      {model + "/ready", "GET", &App::ready, Guard::none},
      {model + "/infer", "POST", &App::infer, Guard::token, {"application/json"}},
      {"/metrics", "GET", &App::metrics},
      {"/openapi.json", "GET", &App::openapi, Guard::host},
  };
}

const App::Route* App::route(const std::string& path) const {
  const auto found = std::find_if(routes_.begin(), routes_.end(), [&](const Route& r) { return r.path == path; });
  return found == routes_.end() ? nullptr : &*found;
}

std::shared_ptr<ServedModel> App::model() const {
  const std::lock_guard lock(mutex_);
  return model_;
}

std::optional<Response> App::refuse(const Request& request) {
  const Route* r = route(request.path);
  const bool preflight = request.method == "OPTIONS";
  const Guard guard = std::min(r ? r->guard : Guard::token, preflight ? Guard::host : Guard::token);
  if (auto response = refuse_access(settings_.access, request, guard)) return response;
  if (!r) return refusal(404, "not found; see /openapi.json");
  const std::string_view method = r->method;
  if (auto fields = origin_fields(settings_.access, request); preflight && !fields.empty()) {
    fields.emplace_back("Access-Control-Allow-Methods", r->method);
    fields.emplace_back("Access-Control-Allow-Headers", "Authorization, Content-Type");
    return Response{.status = 204, .body = "", .type = "", .fields = std::move(fields)};
  }
  if (request.method != method && !(method == "GET" && request.method == "HEAD")) {
    Response response = refusal(405, fmt::format("{} is answered to {} only", r->path, method));
    response.fields.emplace_back("Allow", method == "GET" ? "GET, HEAD" : "POST");
    return response;
  }
  if (method != "POST") return std::nullopt;
  if (!request.field("Content-Encoding").empty()) return refusal(415, "compressed request bodies are not supported");
  if (std::none_of(r->types.begin(), r->types.end(),
                   [type = media_type(request)](const std::string& t) { return equal_ignoring_case(t, type); })) {
    std::string known;
    for (const std::string& t : r->types) known += (known.empty() ? "" : ", ") + t;
    return refusal(415, "Content-Type has to be one of " + known);
  }
  return std::nullopt;
}

void App::answer(Request request, Respond respond) {
  const Route* r = route(request.path);
  if (auto fields = origin_fields(settings_.access, request); !fields.empty())
    respond = [fields, plain = std::move(respond)](Response response) {
      response.fields.insert(response.fields.end(), fields.begin(), fields.end());
      plain(std::move(response));
    };
  const auto shared = std::make_shared<Request>(std::move(request));
  const auto call = [this, r, respond, shared] {
    guarded_call(respond, [&] { (this->*r->handler)(*shared, respond); });
  };
  if (r->method == std::string_view("POST"))
    workers_.post(Turn::of(shared->arrived, int64_t(shared->body.size())), call);
  else
    call();
}

void App::record(const Exchange& exchange) {
  const Route* r = route(exchange.path);
  metrics_.request(r ? r->path : "other", exchange.status, exchange.seconds);
  if (!settings_.log) return;
  kLog.line(fmt::format("{:%FT%TZ} {} {} {} {} {:.1f} ms, {} B in, {} B out", fmt::gmtime(std::time(nullptr)),
                        exchange.peer, exchange.method.empty() ? "?" : exchange.method,
                        exchange.path.empty() ? "?" : exchange.path, exchange.status, 1000 * exchange.seconds,
                        exchange.received, exchange.sent));
}

void App::page(Request&, const Respond& respond) {
  const auto served = model();
  respond({.body = page_html(settings_.name, served->predictor.info(), served->index != nullptr),
           .type = "text/html; charset=utf-8",
           .fields = {{"Content-Security-Policy", page_policy()}, {"X-Frame-Options", "DENY"}}});
}

void App::predict(Request& request, const Respond& respond) { answer_predict(request, respond, pipeline()); }
void App::infer(Request& request, const Respond& respond) { answer_infer(request, respond, pipeline()); }
void App::server_info(Request&, const Respond& respond) { respond(server_response()); }
void App::model_info(Request&, const Respond& respond) {
  respond(model_response(settings_.name, model()->predictor.info()));
}
void App::live(Request&, const Respond& respond) { respond(live_response()); }
void App::ready(Request&, const Respond& respond) { respond(ready_response(!draining_)); }
void App::openapi(Request&, const Respond& respond) { respond({.body = openapi_document(settings_.name)}); }

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

// The new model is loaded beside the old one, which answers until it is there, and goes on where it cannot be had.
// Asked while it loads, it loads once more: the file may be another one by now.
void App::reload() {
  {
    const std::lock_guard lock(mutex_);
    reload_wanted_ = true;
    if (std::exchange(reloading_, true)) return;
  }
  if (reloader_.joinable()) reloader_.join();
  try {
    reloader_ = start_thread([this] {
      while (wants_reload()) load_anew();
    });
  } catch (const Error& error) {
    kLog.line(fmt::format("the model stays as it was: {}", error.what()));
    const std::lock_guard lock(mutex_);
    reloading_ = reload_wanted_ = false;
  }
}

bool App::wants_reload() {
  const std::lock_guard lock(mutex_);
  return reloading_ = std::exchange(reload_wanted_, false);
}

void App::load_anew() {
  try {
    auto fresh = open_model(settings_.model, settings_.name, settings_.network, settings_.index);
    {
      const std::lock_guard lock(mutex_);
      model_.swap(fresh);
    }
    metrics_.reload(true);
    kLog.line("reloaded " + settings_.model.string());
  } catch (const std::exception& error) {
    metrics_.reload(false);
    kLog.line(fmt::format("the model stays as it was: {}", error.what()));
  }
}

}  // namespace pc::serve
