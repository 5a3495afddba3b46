#include "tools/serve/app.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <new>
#include <utility>

#include "kernels/base/error.h"
#include "kernels/base/logger.h"
#include "kernels/base/text.h"

namespace pc {
namespace {

constexpr Logger kLog("pcserve");

std::string media_type(const Request& request) {
  const std::string_view type = request.field("Content-Type");
  return std::string(trimmed(type.substr(0, type.find(';'))));
}

// What a request throws is its client's fault where the house says so.
int status_of_throw(const Error& error) {
  return error.code() == Exit::usage || error.code() == Exit::data || error.code() == Exit::limit ? 400 : 500;
}

void guarded_call(const Respond& respond, const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    if (status_of_throw(error) == 500) kLog.line(error.what());
    respond(refusal(status_of_throw(error), error.what()));
  } catch (const std::bad_alloc&) {
    respond(busy("out of memory for the request; try again"));
  } catch (const std::exception& error) {
    kLog.line(std::string("internal error: ") + error.what());
    respond(refusal(500, "internal error"));
  }
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
      {"/", "GET", &App::page, false},
      {"/v1/predict",
       "POST",
       &App::predict,
       true,
       {"image/jpeg", "image/png", "image/webp", "application/octet-stream", "multipart/form-data"}},
      {"/v2", "GET", &App::server_info},
      {"/v2/health/live", "GET", &App::live, false},
      {"/v2/health/ready", "GET", &App::ready, false},
      {model, "GET", &App::model_info},
      {model + "/ready", "GET", &App::ready},
      {model + "/infer", "POST", &App::infer, true, {"application/json"}},
      {"/metrics", "GET", &App::metrics},
      {"/openapi.json", "GET", &App::openapi, false},
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
  if (auto response = refuse_access(settings_.access, request, !preflight && (!r || r->guarded))) return response;
  if (!r) return refusal(404, "there is nothing here; see /openapi.json");
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
  if (!request.field("Content-Encoding").empty()) return refusal(415, "compressed bodies are not taken");
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
  const auto call = [this, r, respond, shared = std::make_shared<Request>(std::move(request))] {
    guarded_call(respond, [&] { (this->*r->handler)(*shared, respond); });
  };
  if (r->method == std::string_view("POST"))
    workers_.post(call);
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

AnsweredSink App::answering(Respond respond, std::function<Response(std::vector<Answered>&)> compose) {
  return [respond = std::move(respond), compose = std::move(compose)](std::vector<Answered>& answers) {
    std::optional<Response> response;
    guarded_call(respond, [&] { response = compose(answers); });
    if (response) respond(std::move(*response));
  };
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
  reloader_ = std::thread([this] {
    while (wants_reload()) load_anew();
  });
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

}  // namespace pc
