// The parts of pcserve that need no connection: forms, tensors, queries, access, metrics, batches.
#include <gtest/gtest.h>

#include <set>

#include "tests/support.h"
#include "tools/serve/access.h"
#include "tools/serve/infer_request.h"
#include "tools/serve/metrics.h"
#include "tools/serve/multipart.h"
#include "tools/serve/page.h"
#include "tools/serve/query.h"
#include "tools/serve/routes.h"

namespace pc::serve {
namespace {

using test::refusal;

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
    EXPECT_HAS(refusal([&] { name(broken); }), "the filename* of a form part") << broken;
}

TEST(Form, DefectsAreNamed) {
  const auto why = [](const std::string& body, const std::string& type = kForm) {
    return refusal([&] { form_files(type, body, 2); });
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
  ASSERT_EQ(files.outputs.size(), 1u);
  EXPECT_EQ(files.outputs[0].name, "kind");
  EXPECT_FALSE(files.outputs[0].binary || files.binary_outputs);
  ASSERT_EQ(files.files.size(), 2u);
  EXPECT_EQ(files.files[0].size(), 2u);
  EXPECT_EQ(files.files[1].size(), 3u);
}

TEST(InferRequest, DefectsAreNamed) {
  const auto why = [](const std::string& json, Exit code = Exit::data) {
    return refusal([&] { parse_infer_request(json, 2); }, code);
  };
  EXPECT_EQ(why(image_request("[1,1,2,3]", "[1,2,3]")), "inputs[].data: 3 numbers do not fill the shape [1,1,2,3]");
  EXPECT_EQ(why(image_request("[3,1,1,3]", "[1,2,3,4,5,6,7,8,9]"), Exit::limit),
            "inputs[].shape: 3 images, at most 2 go at once");
  EXPECT_EQ(why(image_request("[1,1,3]", "[1,2,3]")), "inputs[].shape: [1,1,3], expected [n,h,w,3]");
  EXPECT_EQ(why(image_request("[0,1,1,3]", "[]")), "inputs[].shape: no image");
  EXPECT_EQ(why(image_request("[1,1,1,3]", "[1,2,256]")), "inputs[].data: a value above 255");
  EXPECT_EQ(why(image_request("[1,1,1,3]", "[1,2,-3]")), "inputs[].data[]: a negative number is not taken");
  EXPECT_EQ(why(image_request("[1,1,1,3]", "[1,2,{\"a\":3}]")), "inputs[].data: an object among the values");
  EXPECT_EQ(why(image_request("[1,1,1,3]", "[1,2,\"3\"]")), "inputs[].data: 2 numbers do not fill the shape [1,1,1,3]");
  EXPECT_EQ(why("{\"inputs\":[{\"name\":\"image\",\"extra\":1}]}"), "inputs[].extra: a number is not taken");
  EXPECT_EQ(why("{\"inputs[].shape[]\":1}"), "?: a number is not taken");
  EXPECT_EQ(why("{\"id\":\"a\"}"), "inputs: one is wanted, \"image\" or \"file\"");
  EXPECT_EQ(why("[1]"), "the body is not a JSON object");
  EXPECT_EQ(why("3"), "the body is not a JSON object");
  EXPECT_EQ(why("{\"id\":"), "byte 7: not JSON");
  EXPECT_EQ(why("{\"parameters\":{\"a\":" + std::string(50, '[')), "the JSON is nested too deeply");
  EXPECT_EQ(why("{\"inputs\":null}"), "inputs: null is not taken");
  EXPECT_EQ(why("{\"inputs\":{}}"), "inputs: an object is not taken");
  EXPECT_EQ(why("{\"inputs\":[[]]}"), "inputs[]: an array is not taken");
  EXPECT_EQ(why("{\"outputs\":{}}"), "outputs: an object is not taken");
  EXPECT_EQ(why("{\"id\":[]}"), "id: an array is not taken");
  EXPECT_EQ(why("{\"parameters\":[]}"), "parameters: an array is not taken");
  EXPECT_EQ(why("{\"parameters\":1}"), "parameters: a number is not taken");
  EXPECT_EQ(why("{\"parameterss\":{}}"), "parameterss: an object is not taken");
  EXPECT_EQ(why("{\"outputs\":[{\"parameters\":{\"classification\":2}}]}"),
            "outputs[].parameters.classification: not supported by this server");
  EXPECT_EQ(why("{\"parameters\":{\"binary_data_output\":1}}"), "parameters.binary_data_output: a number is not taken");
}

std::string binary_request(const std::string& input) {
  return R"({"parameters":{"binary_data_output":true},"outputs":[{"name":"a","parameters":{"binary_data":false}},{"name":"b"}],)"
         R"("inputs":[{)" +
         input + "}]}";
}

// A BYTES tensor as the protocol's document has it: each length in four bytes, the lowest first.
const std::string kTwoFiles("\3\0\0\0abc\0\0\0\0", 11);

TEST(InferRequest, TakesBinaryTensors) {
  const InferRequest image = parse_infer_request(
      binary_request(
          R"("name":"image","datatype":"UINT8","shape":[2,1,1.0,3],"parameters":{"binary_data_size":6,"more":[{}]})"),
      2, "abc\xff\1\2");
  ASSERT_EQ(image.images.size(), 2u);
  EXPECT_EQ(image.images[1].pixels, (std::vector<uint8_t>{255, 1, 2}));
  EXPECT_TRUE(image.binary_outputs);
  EXPECT_EQ(image.outputs[0].binary, std::optional(false));
  EXPECT_EQ(image.outputs[1].binary, std::nullopt);
  const InferRequest files = parse_infer_request(
      binary_request(R"("name":"file","datatype":"BYTES","shape":[2],"parameters":{"binary_data_size":11})"), 2,
      kTwoFiles);
  ASSERT_EQ(files.files.size(), 2u);
  EXPECT_EQ(files.files[0], (std::vector{std::byte{'a'}, std::byte{'b'}, std::byte{'c'}}));
  EXPECT_TRUE(files.files[1].empty());
}

TEST(InferRequest, DefectsOfBinaryTensorsAreNamed) {
  const auto why = [](const std::string& shape, const std::string& size, const std::string& binary,
                      const std::string& name = R"("name":"file","datatype":"BYTES")") {
    return refusal([&] {
      parse_infer_request(
          binary_request(name + ",\"shape\":" + shape + ",\"parameters\":{\"binary_data_size\":" + size + "}"), 2,
          binary);
    });
  };
  const std::string image = R"("name":"image","datatype":"UINT8")";
  EXPECT_EQ(why("[2]", "11", kTwoFiles), "");
  EXPECT_EQ(why("[2]", "10", kTwoFiles), "inputs[].parameters.binary_data_size: 10, but 11 bytes follow the JSON");
  EXPECT_EQ(why("[2]", "99999999999999999999", kTwoFiles),
            "inputs[].parameters.binary_data_size: a fraction is not taken");
  EXPECT_EQ(why("[2]", "\"11\"", kTwoFiles), "inputs[].parameters.binary_data_size: a text is not taken");
  EXPECT_EQ(why("[1]", "11", kTwoFiles), "inputs[]: binary data after the last file that the shape has");
  EXPECT_EQ(why("[2]", "10", kTwoFiles.substr(0, 10)), "inputs[]: the binary data end before their last file");
  EXPECT_EQ(why("[2]", "6", kTwoFiles.substr(0, 6)), "inputs[]: a file of the binary data is longer than they are");
  EXPECT_EQ(why("[1,1,1,3]", "4", "abcd", image), "inputs[].data: 4 numbers do not fill the shape [1,1,1,3]");
  EXPECT_EQ(why("[1,1,1,3]", "3,\"shared_memory_region\":\"r\"", "abc", image),
            "inputs[].parameters.shared_memory_region: not supported by this server");
  EXPECT_EQ(why("[1,1,1,3],\"data\":[1]", "3", "abc", image), "inputs[]: both data and binary_data_size");
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
  const auto why = [&](const std::string& text) {
    return refusal([&] { parse_query(text, info, false); }, Exit::usage);
  };
  EXPECT_EQ(why("top_k=0"), "top_k: \"0\" is no whole number from 1 to 1000000");
  EXPECT_EQ(why("top_k=3x"), "top_k: \"3x\" is no whole number from 1 to 1000000");
  EXPECT_EQ(why("logits=1&logits=0"), "logits: given twice");
  EXPECT_EQ(why("accept_at=99"), "accept_at: \"99\" is none of 90, 95");
  EXPECT_EQ(why("similar=3"), "similar: the server was started without --index");
  EXPECT_EQ(parse_query("similar=3", info, true).style.similar, 3);
  EXPECT_EQ(why("path=x"), "unknown parameter \"path\"; known: top_k, accept_at, logits, explain");
  EXPECT_EQ(why("&"), "unknown parameter \"\"; known: top_k, accept_at, logits, explain");
  info.calibration.reset();
  EXPECT_EQ(why("accept_at=95"), "accept_at: the model is not calibrated");
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
    EXPECT_EQ(
        refusal([&] { allowed_host(value); }, Exit::usage).find("--allow-host " + std::string(value) + ": no Host"), 0u)
        << value;
  for (const char* value : {"*", "null", "https://shop.example", "http://localhost:3000", "HTTPS://Shop.example:8443",
                            "http://[::1]:8080", "chrome-extension://abcdef", "http://shop.example:443"})
    EXPECT_EQ(allowed_origin(value), value);
  for (const char* value :
       {"", "shop.example", "https://", "https://shop.example/", "https://shop.example/a", "https://*.shop.example",
        "https://shop.example:443", "http://shop.example:80", "http://shop.example:", "http://shop.example:0",
        "http://shop.example:080", "http://shop.example:65536", "http://a@shop.example", "://shop.example"})
    EXPECT_EQ(refusal([&] { allowed_origin(value); }, Exit::usage)
                  .find("--allow-origin " + std::string(value) + ": no Origin"),
              0u)
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
    EXPECT_HAS(text, line) << line << text;
}

TEST(Routes, AreUniqueAndHaveTheirStatuses) {
  std::set<std::string> paths, operations;
  for (const Route& route : routes("shop")) {
    EXPECT_TRUE(paths.insert(route.path).second && operations.insert(route.operation).second) << route.path;
    EXPECT_EQ(route.bodies.empty(), route.method == "GET") << route.path;
    for (const int status : route.all_statuses()) EXPECT_STRNE(reason_of(status), "Status") << status;
  }
  EXPECT_TRUE(paths.contains("/v2/models/shop/versions/1/infer"));
}

TEST(Page, ShowsNamesAsText) {
  ModelInfo info;
  info.heads = {{"<script>\"'&", {"a", "b"}}};
  const std::string html = page_html("a<b", info, true);
  EXPECT_HAS(html, "a&#60;b");
  EXPECT_LACKS(html, "<script>\"'&");
  EXPECT_LACKS(page_policy(), "unsafe");
}

}  // namespace
}  // namespace pc::serve
