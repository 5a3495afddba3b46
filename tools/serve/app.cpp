#include "tools/serve/app.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <utility>

#include "data/decode.h"
#include "data/jpeg.h"
#include "kernels/base/error.h"
#include "kernels/base/text.h"
#include "tools/serve/answering.h"
#include "tools/serve/infer_response.h"
#include "tools/serve/openapi.h"
#include "tools/serve/page.h"
#include "tools/serve/server_info.h"

namespace pc::serve {
namespace {

bool has_body(const Request& request) {
  return !request.field("Transfer-Encoding").empty() ||
         request.field("Content-Length").find_first_not_of('0') != std::string_view::npos;
}

// A request that names no media type is taken: KServe's clients send none.
std::optional<Response> refuse_body(const Route& route, const Request& request) {
  if (!request.field("Content-Encoding").empty()) return refusal(415, "compressed request bodies are not supported");
  const std::string_view field = request.field("Content-Type"), type = trimmed(field.substr(0, field.find(';')));
  std::string known;
  for (const Content& body : route.bodies) {
    if (type.empty() || equal_ignoring_case(body.type, type)) return std::nullopt;
    known += (known.empty() ? "" : ", ") + body.type;
  }
  return refusal(415, "Content-Type has to be one of " + known);
}

std::string not_found(const std::string& path, const std::string& model) {
  if (path.starts_with("/v2/models/"))
    return fmt::format("not found: the only model here is \"{}\", its only version \"1\"; see /openapi.json", model);
  return "not found; see /openapi.json";
}

const std::string& checked_name(const std::string& name) {
  if (!is_model_name(name))
    fail(Exit::usage, fmt::format("--name \"{}\": letters, digits and ._- only, as in /v2/models/NAME", name));
  return name;
}

// What a thread needs once for its pictures it gets while there is memory: without, there is no way to fail.
void prepare_decoders() {
  const std::vector<std::byte> jpeg = data::encode_jpeg({.h = 1, .w = 1, .pixels = {0, 0, 0}});
  data::decode_web_image(jpeg, "", {});
}

}  // namespace

App::App(const AppSettings& settings)
    : settings_(settings),
      routes_(routes(checked_name(settings.name))),
      model_([this] { return open_model(settings_.model, settings_.name, settings_.network, settings_.index); },
             [this](const std::exception* error) { reloaded(error); }),
      workers_(settings.workers, prepare_decoders),
      batcher_(settings.batch, metrics_) {}

const Route* App::route(const std::string& path) const {
  const auto found = std::find_if(routes_.begin(), routes_.end(), [&](const Route& r) { return r.path == path; });
  return found == routes_.end() ? nullptr : &*found;
}

std::optional<Response> App::refuse(const Request& request) {
  const Route* r = route(request.path);
  const bool preflight = request.method == "OPTIONS";
  const Guard guard = std::min(r ? r->guard : Guard::token, preflight ? Guard::host : Guard::token);
  if (auto response = refuse_access(settings_.access, request, guard)) return response;
  if (!r) return refusal(404, not_found(request.path, settings_.name));
  if (auto fields = origin_fields(settings_.access, request); preflight && !fields.empty() && !has_body(request)) {
    fields.emplace_back("Access-Control-Allow-Methods", r->method);
    fields.emplace_back("Access-Control-Allow-Headers", fmt::format("Authorization, Content-Type, {}", kJsonLength));
    return Response{.status = 204, .body = "", .type = "", .fields = std::move(fields)};
  }
  if (request.method != r->method && !(r->method == "GET" && request.method == "HEAD")) {
    Response response = refusal(405, fmt::format("{} is answered to {} only", r->path, r->method));
    response.fields.emplace_back("Allow", r->method == "GET" ? "GET, HEAD" : r->method);
    return response;
  }
  if (r->method == "POST") return refuse_body(*r, request);
  if (has_body(request)) return refusal(400, "this method takes no body");
  return std::nullopt;
}

void App::answer(Request request, Respond respond) {
  const Route* r = route(request.path);
  if (auto fields = origin_fields(settings_.access, request); !fields.empty()) {
    fields.emplace_back("Access-Control-Expose-Headers", kJsonLength);
    respond = [fields, plain = std::move(respond)](Response response) {
      response.fields.insert(response.fields.end(), fields.begin(), fields.end());
      plain(std::move(response));
    };
  }
  const auto call = std::make_shared<Call>(std::move(request), std::move(respond), model_.get());
  const auto handle = [this, r, call] { guarded_call(call->respond, [&] { (this->*r->handler)(*call); }); };
  if (r->method == "POST")
    workers_.post(Turn::of(call->request.arrived, int64_t(call->request.body.size())), handle);
  else
    handle();
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

void App::page(Call& call) {
  call.respond({.body = page_html(settings_.name, call.model->predictor.info(), call.model->index != nullptr),
                .type = "text/html; charset=utf-8",
                .fields = {{"Content-Security-Policy", page_policy()}, {"X-Frame-Options", "DENY"}}});
}

void App::predict(Call& call) { answer_predict(call, {batcher_, workers_, metrics_}); }
void App::infer(Call& call) { answer_infer(call, {batcher_, workers_, metrics_}); }
void App::server_info(Call& call) { call.respond(server_response()); }
void App::model_info(Call& call) { call.respond(model_response(settings_.name, call.model->predictor.info())); }
void App::live(Call& call) { call.respond(live_response()); }
void App::ready(Call& call) { call.respond(ready_response(!draining_)); }
void App::openapi(Call& call) {
  call.respond({.body = openapi_document(routes_, *call.model, !settings_.access.token.empty())});
}

void App::metrics(Call& call) {
  call.respond({.body = metrics_.text({.connections = open_,
                                       .queue = batcher_.admitted(),
                                       .ready = !draining_,
                                       .model = settings_.name,
                                       .architecture = call.model->predictor.info().architecture,
                                       .version = PC_VERSION}),
                .type = "text/plain; version=0.0.4; charset=utf-8"});
}

void App::reloaded(const std::exception* error) {
  metrics_.reload(!error);
  kLog.line(error ? fmt::format("the model stays as it was: {}", error->what())
                  : "reloaded " + settings_.model.string());
}

}  // namespace pc::serve
