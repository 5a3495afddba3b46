// What pcserve answers and refuses, request by request and without a network.
#include "tools/serve/app.h"

#include <gtest/gtest.h>

#include <future>

#include "data/png.h"
#include "tests/serve/tiny_model.h"

namespace pc::serve {
namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;

class Answers : public testing::Test {
 protected:
  Answers() {
    tiny_model(folder_, 1);
    app_ = std::make_unique<App>(
        AppSettings{.model = folder_ / "1.safetensors",
                    .index = "",
                    .name = "tiny",
                    .batch = {.queue = 2},
                    .access = {.hosts = {"x"}, .origins = {"https://shop.example"}, .token = "word"},
                    .workers = 1});
  }
  // As the server does it: a look at the head, then all of it.
  Response ask(const std::string& method, const std::string& path, Fields fields = {}, const std::string& body = "") {
    fields.emplace_back("Host", "x");
    return ask_bare(method, path, std::move(fields), body);
  }
  Response ask_bare(const std::string& method, const std::string& path, Fields fields, const std::string& body = "") {
    Request request{.method = method, .path = path, .fields = std::move(fields), .body = body};
    if (auto refused = app_->refuse(request)) return *refused;
    request.arrived = std::chrono::steady_clock::now();
    std::promise<Response> answer;
    app_->answer(std::move(request), [&](Response response) { answer.set_value(std::move(response)); });
    return answer.get_future().get();
  }
  static std::string field(const Response& response, const std::string& name) {
    for (const auto& [key, value] : response.fields)
      if (key == name) return value;
    return "none";
  }
  static std::string error(const std::string& message) { return "{\"error\":\"" + message + "\"}\n"; }
  std::string metric(const std::string& name) {
    const std::string text = ask("GET", "/metrics", {kToken}).body;
    const std::size_t at = text.find("\n" + name + " ");
    return at == text.npos ? "absent"
                           : text.substr(at + name.size() + 2, text.find('\n', at + 1) - at - name.size() - 2);
  }
  const std::pair<std::string, std::string> kToken{"Authorization", "Bearer word"};
  test::TemporaryFolder folder_;
  std::unique_ptr<App> app_;
};

TEST_F(Answers, WhatIsRefusedByItsHead) {
  EXPECT_EQ(ask("GET", "/nowhere").status, 401);
  EXPECT_EQ(ask("GET", "/nowhere", {kToken}).status, 404);
  EXPECT_EQ(ask("GET", "/nowhere", {kToken}).body, error("not found; see /openapi.json"));
  EXPECT_EQ(ask("GET", "/v2/models/other", {kToken}).body,
            error("not found: the only model here is \\\"tiny\\\", its only version \\\"1\\\"; see /openapi.json"));
  for (const auto& [method, path, allow] : {std::tuple("PUT", "/v2", "GET, HEAD"),
                                            {"POST", "/v2", "GET, HEAD"},
                                            {"GET", "/v1/predict", "POST"},
                                            {"HEAD", "/v1/predict", "POST"}}) {
    EXPECT_EQ(ask(method, path).status, 401) << path;
    EXPECT_EQ(ask(method, path, {kToken}).status, 405) << method;
    EXPECT_EQ(field(ask(method, path, {kToken}), "Allow"), allow) << method;
  }
  EXPECT_EQ(ask("HEAD", "/v2", {kToken}).status, 200);
  for (const auto& [name, value, status] :
       {std::tuple("Content-Length", "1", 400), {"Content-Length", "00", 200}, {"Transfer-Encoding", "chunked", 400}})
    EXPECT_EQ(ask("GET", "/v2", {kToken, {name, value}}).status, status) << value;
  // Who may ask without a token, or under any name.
  for (const auto& [path, without_token, elsewhere] : {std::tuple("/v2/health/live", 200, 200),
                                                       {"/v2/health/ready", 200, 200},
                                                       {"/v2/models/tiny/ready", 200, 200},
                                                       {"/", 200, 421},
                                                       {"/openapi.json", 200, 421},
                                                       {"/v2", 401, 421},
                                                       {"/metrics", 401, 421}}) {
    EXPECT_EQ(ask("GET", path).status, without_token) << path;
    EXPECT_EQ(ask_bare("GET", path, {kToken, {"Host", "elsewhere"}}).status, elsewhere) << path;
  }
}

TEST_F(Answers, ABodyIsOfAKnownType) {
  const std::string png = [] {
    const auto bytes = data::encode_png({.h = 1, .w = 1, .pixels = {1, 2, 3}});
    return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }();
  for (const char* type : {"", "image/png", "IMAGE/PNG ; a=b", "application/octet-stream"})
    EXPECT_EQ(ask("POST", "/v1/predict", {kToken, {"Content-Type", type}}, png).status, 200) << type;
  const Response text = ask("POST", "/v1/predict", {kToken, {"Content-Type", "text/plain"}}, png);
  EXPECT_EQ(text.status, 415);
  EXPECT_EQ(text.body, error("Content-Type has to be one of image/jpeg, image/png, image/webp, "
                             "application/octet-stream, multipart/form-data"));
  EXPECT_EQ(ask("POST", "/v1/predict", {kToken, {"Content-Encoding", "gzip"}}, png).status, 415);
  EXPECT_EQ(ask("POST", "/v1/predict", {kToken}, "text").status, 415);
  EXPECT_EQ(ask("POST", "/v1/predict", {kToken}).status, 400);
  EXPECT_EQ(metric("pc_pictures_total{status=\"ok\"}"), "4");
}

TEST_F(Answers, PagesOfListedOriginsMayReadThem) {
  const std::pair<std::string, std::string> origin("Origin", "https://shop.example");
  const Response flight = ask("OPTIONS", "/v1/predict", {origin});
  EXPECT_EQ(flight.status, 204);
  EXPECT_EQ(field(flight, "Access-Control-Allow-Origin"), origin.second);
  EXPECT_EQ(field(flight, "Access-Control-Allow-Methods"), "POST");
  EXPECT_EQ(field(flight, "Access-Control-Allow-Headers"),
            "Authorization, Content-Type, Inference-Header-Content-Length");
  EXPECT_EQ(ask("OPTIONS", "/v1/predict").status, 405);
  EXPECT_EQ(ask("OPTIONS", "/v1/predict", {{"Origin", "https://evil.example"}}).status, 405);
  EXPECT_EQ(ask("OPTIONS", "/v1/predict", {origin, {"Content-Length", "1"}}).status, 405);
  const Response read = ask("GET", "/v2", {kToken, origin});
  EXPECT_EQ(field(read, "Access-Control-Allow-Origin"), origin.second);
  EXPECT_EQ(field(read, "Access-Control-Expose-Headers"), "Inference-Header-Content-Length");
  EXPECT_TRUE(ask("GET", "/v2", {kToken}).fields.empty());
}

TEST_F(Answers, AreCountedAndSayWhenTheServerEnds) {
  app_->connections(3);
  for (const char* path : {"/v2", "/nowhere", ""}) app_->record({.path = path, .status = 200, .seconds = 0.5});
  EXPECT_EQ(metric("pc_requests_total{route=\"/v2\",status=\"200\"}"), "1");
  EXPECT_EQ(metric("pc_requests_total{route=\"other\",status=\"200\"}"), "2");
  EXPECT_EQ(metric("pc_request_seconds_sum"), "1.5");
  EXPECT_EQ(metric("pc_connections"), "3");
  EXPECT_EQ(metric("pc_queue_pictures"), "0");
  EXPECT_EQ(metric("pc_ready"), "1");
  EXPECT_EQ(ask("GET", "/v2/health/ready").status, 200);
  app_->drain();
  EXPECT_EQ(metric("pc_ready"), "0");
  for (const char* path : {"/v2/health/ready", "/v2/models/tiny/ready", "/v2/models/tiny/versions/1/ready"})
    EXPECT_EQ(ask("GET", path).status, 503) << path;
  EXPECT_EQ(ask("GET", "/v2/health/live").status, 200);
  EXPECT_EQ(ask("GET", "/v2", {kToken}).status, 200) << "what has arrived is answered";
}

TEST_F(Answers, AReloadIsCounted) {
  std::filesystem::remove(folder_ / "1.safetensors");
  for (const char* result : {"failed", "ok"}) {
    app_->reload();
    for (int i = 0; i < 2000 && metric("pc_reloads_total{result=\"" + std::string(result) + "\"}") == "0"; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    EXPECT_EQ(metric("pc_reloads_total{result=\"failed\"}"), "1");
    EXPECT_EQ(metric("pc_reloads_total{result=\"ok\"}"), result == std::string("ok") ? "1" : "0");
    tiny_model(folder_, 1);
  }
}

}  // namespace
}  // namespace pc::serve
