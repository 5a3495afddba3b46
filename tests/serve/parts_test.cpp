// The parts of pcserve that need no connection: forms, tensors, queries, access, metrics, batches.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "kernels/base/error.h"
#include "tools/serve/access.h"
#include "tools/serve/infer_request.h"
#include "tools/serve/metrics.h"
#include "tools/serve/multipart.h"
#include "tools/serve/openapi.h"
#include "tools/serve/page.h"
#include "tools/serve/query.h"

namespace pc::serve {
namespace {

std::string error_of(const std::function<void()>& call) {
  try {
    call();
    return "";
  } catch (const Error& error) {
    return error.what();
  }
}

constexpr const char* kForm = "multipart/form-data; boundary=b";
std::string part(const std::string& disposition, const std::string& body) {
  return "--b\r\nContent-Disposition: form-data; " + disposition + "\r\nContent-Type: image/png\r\n\r\n" + body +
         "\r\n";
}

TEST(Form, GivesItsFilesInOrder) {
  const std::string body = part("name=\"x\"; filename=\"a \\\"b\\\".png\"", "one\r\n--c") + part("name=photo", "two") +
                           part("filename=plain.jpg; name=y;", "") +
                           part("name=z; FileName*=utf-8'en'%C3%BC%20%22.png; filename=u", "3") + "--b--\r\n";
  const auto files = form_files("Multipart/Form-Data; charset=x; boundary=\"b\"", body, 4);
  ASSERT_EQ(files.size(), 4u);
  EXPECT_EQ(files[0].name, "a \"b\".png");
  EXPECT_EQ(files[0].bytes, "one\r\n--c");
  EXPECT_EQ(files[1].name, "photo");  // its type says that it is a file
  EXPECT_EQ(files[1].bytes, "two");
  EXPECT_EQ(files[2].name, "plain.jpg");
  EXPECT_EQ(files[2].bytes, "");
  EXPECT_EQ(files[3].name, "\u00fc \".png");
}

// RFC 5987, 3.2.2, and RFC 2231's older quotes.
TEST(Form, ExtendedNamesAreDecoded) {
  const auto name = [](const std::string& value) {
    return form_files(kForm, part("name=x; filename*=" + value, "") + "--b--\r\n", 1).at(0).name;
  };
  EXPECT_EQ(name("iso-8859-1'en'%A3%20rates"), "\u00a3 rates");
  EXPECT_EQ(name("UTF-8''%c2%a3%20and%20%e2%82%ac%20rates"), "\u00a3 and \u20ac rates");
  EXPECT_EQ(name("\"utf-8''a'b.jpg\""), "a'b.jpg");
  for (const char* broken :
       {"utf-8''%C2", "utf-8''%2", "utf-8''%", "utf-8''%zz", "utf-8''%+1", "utf-16''%00a", "''a", "utf-8'a", "a", ""})
    EXPECT_NE(error_of([&] { name(broken); }).find("the filename* of a form part"), std::string::npos) << broken;
}

TEST(Form, DefectsAreNamed) {
  const auto why = [](const std::string& body, const std::string& type = kForm) {
    return error_of([&] { form_files(type, body, 2); });
  };
  const std::string one = part("filename=a", "x");
  EXPECT_EQ(why(one + "--b--"), "");
  EXPECT_EQ(why(one + "--b\r\nX: y\r\n"), "the head of a form part has no end");
  EXPECT_EQ(why(one), "a part of the form has no end: the form is truncated");
  EXPECT_EQ(why("x" + one + "--b--"), "the form does not begin with its boundary");
  EXPECT_EQ(why(one + one + one + "--b--"), "the form has more than 2 parts");
  EXPECT_EQ(why("--bx\r\n"), "a boundary of the form is not followed by a line's end");
  EXPECT_EQ(why("--b\r\nno colon\r\n\r\nx\r\n--b--"), "a header line of a form part is not NAME: VALUE");
  EXPECT_EQ(why("--b\r\nContent-Type: image/png\r\n\r\nx\r\n--b--"), "a form part has no Content-Disposition");
  EXPECT_EQ(why("--b\r\n\r\nx\r\n--b--"), "a form part has no Content-Disposition");
  EXPECT_EQ(why("--b\r\nContent-Disposition: form-data; name=top_k\r\n\r\n3\r\n--b--"),
            "the form field \"top_k\" is not a file: it has no filename; parameters belong in the query: "
            "/v1/predict?top_k=\u2026");
  EXPECT_EQ(why(part("filename=\"a", "x") + "--b--"),
            "the Content-Disposition of a form part is broken: form-data; filename=\"a");
  EXPECT_EQ(why(one, "multipart/mixed; boundary=b"), "the form is not multipart/form-data");
  for (const char* type : {"multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=\"b",
                           "multipart/form-data; boundary=\"b c\""})
    EXPECT_EQ(why(one, type), "the boundary of the form is absent or broken") << type;
}

std::string image_request(const std::string& shape, const std::string& data) {
  return R"({"id":"7","inputs":[{"name":"image","datatype":"UINT8","shape":)" + shape + R"(,"data":)" + data + "}]}";
}

TEST(InferRequest, TakesFlatAndNestedTensors) {
  for (const char* data : {"[1,2,3,4,5,6]", "[[[[1,2,3]]],[[[4,5,6]]]]"}) {
    const InferRequest request = parse_infer_request(image_request("[2,1,1,3]", data), 2);
    EXPECT_EQ(request.id, "7");
    ASSERT_EQ(request.images.size(), 2u);
    EXPECT_EQ(request.images[1].pixels, (std::vector<uint8_t>{4, 5, 6}));
  }
  const InferRequest files = parse_infer_request(
      R"({"parameters":{"a":{"b":[1.5,null,"x"]}},"outputs":[{"name":"kind","parameters":{"c":true}}],)"
      R"("inputs":[{"data":["QUI=","QUJD"],"shape":[2],"name":"file","datatype":"BYTES","parameters":{}}]})",
      2);
  EXPECT_EQ(files.outputs, std::vector<std::string>{"kind"});
  ASSERT_EQ(files.files.size(), 2u);
  EXPECT_EQ(files.files[0].size(), 2u);
  EXPECT_EQ(files.files[1].size(), 3u);
}

TEST(InferRequest, DefectsAreNamed) {
  const auto why = [](const std::string& json) { return error_of([&] { parse_infer_request(json, 2); }); };
  EXPECT_EQ(why(image_request("[1,1,2,3]", "[1,2,3]")), "inputs[].data: 3 numbers do not fill the shape [1,1,2,3]");
  EXPECT_EQ(why(image_request("[3,1,1,3]", "[1,2,3,4,5,6,7,8,9]")), "inputs[].shape: 3 pictures, at most 2 go at once");
  EXPECT_EQ(why(image_request("[1,1,3]", "[1,2,3]")), "inputs[].shape: [1,1,3], expected [n,h,w,3]");
  EXPECT_EQ(why(image_request("[0,1,1,3]", "[]")), "inputs[].shape: no picture");
  EXPECT_EQ(why(image_request("[1,1,1,3]", "[1,2,256]")), "inputs[].data: a value above 255");
  EXPECT_EQ(why(image_request("[1,1,1,3]", "[1,2,-3]")), "inputs[].data[]: a negative number is not taken");
  EXPECT_EQ(why(image_request("[1,1,1,3]", "[1,2,{\"a\":3}]")), "inputs[].data: an object among the values");
  EXPECT_EQ(why(image_request("[1,1,1,3]", "[1,2,\"3\"]")), "inputs[].data: 2 numbers do not fill the shape [1,1,1,3]");
  EXPECT_EQ(why("{\"inputs\":[{\"name\":\"image\",\"extra\":1}]}"), "inputs[].extra: a number is not taken");
  EXPECT_EQ(why("{\"inputs[].shape[]\":1}"), "?: a number is not taken");
  EXPECT_EQ(why("{\"id\":\"a\"}"), "inputs: one is wanted, \"image\" or \"file\"");
  EXPECT_EQ(why("[1]"), "[]: a number is not taken");
  EXPECT_EQ(why("3"), "the body is not a JSON object");
  EXPECT_EQ(why("{\"id\":"), "byte 7: not JSON");
  EXPECT_EQ(why(std::string(50, '[')), "the JSON is nested too deeply");
}

TEST(Query, TakesWhatIsKnownAndNamesTheRest) {
  ModelInfo info;
  info.heads = {{"kind", {"a", "b"}}};
  info.calibration = {.heads = {{.temperature = 1, .thresholds = {{90, {0.5, 0.5}}, {95, {0.6, 0.6}}}}}, .novelty = {}};
  const PredictQuery query = parse_query("top_k=3&accept_at=90&logits=1&explain=1", info, false);
  EXPECT_EQ(query.style.top_k, 3);
  EXPECT_EQ(query.style.accept_at, 90);
  EXPECT_TRUE(query.style.logits && query.explain);
  EXPECT_EQ(parse_query("", info, false).style.top_k, predict::AnswerStyle().top_k);
  const auto why = [&](const std::string& text) { return error_of([&] { parse_query(text, info, false); }); };
  EXPECT_EQ(why("top_k=0"), "top_k: \"0\" is no whole number from 1 to 1000000");
  EXPECT_EQ(why("top_k=3x"), "top_k: \"3x\" is no whole number from 1 to 1000000");
  EXPECT_EQ(why("logits=1&logits=0"), "logits: given twice");
  EXPECT_EQ(why("accept_at=99"), "accept_at: the model knows 90, 95");
  EXPECT_EQ(why("similar=3"), "similar: the server was started without --index");
  EXPECT_EQ(parse_query("similar=3", info, true).style.similar, 3);
  EXPECT_EQ(why("path=x"), "unknown parameter \"path\"; known: top_k, accept_at, logits, similar, explain");
  EXPECT_EQ(why("&"), "unknown parameter \"\"; known: top_k, accept_at, logits, similar, explain");
}

int status_of(const Access& access, std::vector<std::pair<std::string, std::string>> fields,
              const char* method = "POST", Guard guard = Guard::token) {
  const auto response = refuse_access(access, {.method = method, .fields = std::move(fields)}, guard);
  return response ? response->status : 200;
}

TEST(Access, HostsOriginsAndTokens) {
  const Access open{.hosts = {"localhost", "[::1]"}, .origins = {"https://shop.example"}, .token = ""};
  EXPECT_EQ(status_of(open, {{"host", "LOCALHOST:8080"}}), 200);
  EXPECT_EQ(status_of(open, {{"Host", "[::1]:1"}}), 200);
  for (const char* host : {"", "[::1", "[::2]", "localhost.", "localhost.example", "example:localhost"})
    EXPECT_EQ(status_of(open, {{"Host", host}}), 421) << host;
  EXPECT_EQ(status_of(open, {{"Host", "localhost:1"}, {"Origin", "http://localhost:1"}}), 200);
  EXPECT_EQ(status_of(open, {{"Host", "localhost:1"}, {"Origin", "http://localhost:2"}}), 403);
  EXPECT_EQ(status_of(open, {{"Host", "localhost"}, {"Origin", "https://shop.example"}}), 200);
  EXPECT_EQ(status_of(open, {{"Host", "localhost"}, {"Origin", "https://evil.example"}}), 403);
  EXPECT_EQ(status_of(open, {{"Host", "localhost"}, {"Origin", "https://evil.example"}}, "GET"), 200);
  const Access closed{.hosts = {"x"}, .origins = {}, .token = "word"};
  EXPECT_EQ(status_of(closed, {{"Host", "x"}}), 401);
  EXPECT_EQ(status_of(closed, {{"Host", "x"}}, "GET", Guard::host), 200);
  EXPECT_EQ(status_of(closed, {{"Host", "y"}}, "GET", Guard::host), 421);
  EXPECT_EQ(status_of(closed, {{"Host", "y"}}, "GET", Guard::none), 200);
  EXPECT_EQ(status_of(closed, {}, "GET", Guard::host), 200);  // HTTP/1.0
  EXPECT_EQ(status_of(closed, {{"Host", "x"}, {"Authorization", "bearer  word "}}), 200);
  for (const char* given : {"word", "Bearer", "Bearer ", "Bearer wor", "Bearer words", "Basic word"})
    EXPECT_EQ(status_of(closed, {{"Host", "x"}, {"Authorization", given}}), 401) << given;
}

TEST(Access, AllHostsAllOriginsAllAddresses) {
  const Access all{.hosts = {"*"}, .origins = {"*"}};
  EXPECT_EQ(status_of(all, {{"Host", "any.example"}, {"Origin", "https://other.example"}}), 200);
  EXPECT_EQ(origin_fields(all, {.fields = {{"Origin", "null"}}}).at(0).second, "null");
  const Access addresses{.hosts = {"localhost"}, .any_address = true};
  for (const char* host : {"10.0.0.1", "10.0.0.1:80", "[fe80::1]", "[::ffff:1.2.3.4]:80"})
    EXPECT_EQ(status_of(addresses, {{"Host", host}}), 200) << host;
  for (const char* host :
       {"10.0.0.1.example", "10.0.0", "fe80::1", "[fe80::1", "[name]", "0x7f.0.0.1", "1.2.3.4@x", ""})
    EXPECT_EQ(status_of(addresses, {{"Host", host}}), 421) << host;
}

TEST(Access, ValuesThatCannotMatchAreRefused) {
  for (const char* value : {"shop.example", "127.0.0.1", "[::1]", "*", "my_host", "xn--bcher-kva.example"})
    EXPECT_EQ(allowed_host(value), value);
  EXPECT_EQ(allowed_host("fe80::1"), "[fe80::1]");
  for (const char* value : {"", "shop.example:8080", "https://shop.example", "shop.example/", "a b", "*.shop.example",
                            "[::1", "a,b", "b\u00fccher.example"})
    EXPECT_EQ(error_of([&] { allowed_host(value); }).find("--allow-host " + std::string(value) + ": no Host"), 0u)
        << value;
  for (const char* value : {"*", "null", "https://shop.example", "http://localhost:3000", "HTTPS://Shop.example:8443",
                            "http://[::1]:8080", "chrome-extension://abcdef", "http://shop.example:443"})
    EXPECT_EQ(allowed_origin(value), value);
  for (const char* value :
       {"", "shop.example", "https://", "https://shop.example/", "https://shop.example/a", "https://*.shop.example",
        "https://shop.example:443", "http://shop.example:80", "http://shop.example:", "http://shop.example:0",
        "http://shop.example:080", "http://shop.example:65536", "http://a@shop.example", "://shop.example"})
    EXPECT_EQ(error_of([&] { allowed_origin(value); }).find("--allow-origin " + std::string(value) + ": no Origin"), 0u)
        << value;
}

TEST(Metrics, ArePrometheusText) {
  Metrics metrics;
  metrics.request("/v1/predict", 200, 0.003);
  metrics.request("/v1/predict", 200, 7);
  metrics.batch(3);
  const std::string text = metrics.text({.model = "a\"b"});
  for (const char* line :
       {"pc_requests_total{route=\"/v1/predict\",status=\"200\"} 2\n", "pc_request_seconds_bucket{le=\"0.0025\"} 0\n",
        "pc_request_seconds_bucket{le=\"0.005\"} 1\n", "pc_request_seconds_bucket{le=\"10\"} 2\n",
        "pc_request_seconds_bucket{le=\"+Inf\"} 2\n", "pc_request_seconds_count 2\n",
        "pc_batch_pictures_bucket{le=\"4\"} 1\n", "pc_model_info{model=\"a\\\"b\""})
    EXPECT_NE(text.find(line), std::string::npos) << line << text;
}

TEST(OpenApi, NamesTheModel) {
  const auto document = nlohmann::json::parse(openapi_document("shop"));
  EXPECT_TRUE(document["paths"].contains("/v2/models/shop/infer"));
  EXPECT_EQ(document.dump().find("MODEL"), std::string::npos);
}

TEST(Page, ShowsNamesAsText) {
  ModelInfo info;
  info.heads = {{"<script>\"'&", {"a", "b"}}};
  const std::string html = page_html("a<b", info, true);
  EXPECT_NE(html.find("a&#60;b"), std::string::npos);
  EXPECT_EQ(html.find("<script>\"'&"), std::string::npos);
  EXPECT_EQ(page_policy().find("unsafe"), std::string::npos);
}

}  // namespace
}  // namespace pc::serve
