// Requests from bytes: the same ones however the bytes are cut, and every refusal with its reason.
#include "tools/serve/request_reader.h"

#include <gtest/gtest.h>

#include <set>

namespace pc::serve {
namespace {

using State = RequestReader::State;

// What comes out of bytes that arrive `step` at a time: "POST /a?b [body]" per request, then "400 why" or nothing.
std::vector<std::string> read(const std::string& bytes, std::size_t step, const ReadLimits& limits = {}) {
  RequestReader reader(limits);
  std::vector<std::string> all;
  for (std::size_t at = 0; at < bytes.size() && reader.state() != State::bad; at += step) {
    reader.add(std::string_view(bytes).substr(at, step));
    for (; reader.state() == State::done; reader.next()) {
      const Request& r = reader.request();
      all.push_back(r.method + " " + r.path + "?" + r.query + " [" + r.body + "]");
    }
  }
  if (reader.state() == State::bad)
    all.push_back(std::to_string(reader.refused().status) + " " + reader.refused().body);
  return all;
}

constexpr const char* kHead = "POST /a?b HTTP/1.1\r\nHost: x\r\n";

TEST(RequestReader, TheCutsDoNotMatter) {
  const std::string bytes = std::string(kHead) + "Content-Length: 3\r\n\r\nabc" + kHead +
                            "Transfer-Encoding: chunked\r\n\r\n2;x=y\r\nde\r\nA\r\n0123456789\r\n0\r\nHost: y\r\n\r\n" +
                            "GET /c HTTP/1.1\r\nHost: x\r\n\r\n" + kHead +
                            "Content-Length: 1\r\nContent-Length: 1\r\n\r\nz";
  const auto whole = read(bytes, bytes.size());
  EXPECT_EQ(whole, (std::vector<std::string>{"POST /a?b [abc]", "POST /a?b [de0123456789]", "GET /c? []",
                                             "400 {\"error\":\"there are several Content-Length fields\"}\n"}));
  for (std::size_t step = 1; step < 40; ++step) EXPECT_EQ(read(bytes, step), whole) << step;
}

// Beast alone aborts on the first of them when it is cut behind its first line.
TEST(RequestReader, TheLastChunkMayComeInPieces) {
  for (const std::string body : {"0\r\n\r\n", "0;x=y\r\n\r\n", "0\r\nX: y\r\n\r\n", "1\r\na\r\n0\r\n\r\n"}) {
    const std::string bytes = std::string(kHead) + "Transfer-Encoding: chunked\r\n\r\n" + body;
    const std::vector<std::string> whole = read(bytes, bytes.size());
    EXPECT_EQ(whole.size(), 1u);
    for (std::size_t step = 1; step < bytes.size(); ++step) EXPECT_EQ(read(bytes, step), whole) << body << step;
  }
}

TEST(RequestReader, ATrailerChangesNoField) {
  RequestReader reader({});
  reader.add(std::string(kHead) + "Transfer-Encoding: chunked\r\n\r\n0\r\nAuthorization: Bearer x\r\n\r\n");
  ASSERT_EQ(reader.state(), State::done);
  EXPECT_EQ(reader.request().field("authorization"), "");
  EXPECT_EQ(reader.request().field("HOST"), "x");
}

TEST(RequestReader, LimitsHoldWhereverTheBytesAreCut) {
  const ReadLimits limits{.line = 64, .head = 256, .fields = 4, .body = 10};
  const auto refusal_of = [&](const std::string& bytes) {
    std::string status = read(bytes, bytes.size(), limits).back().substr(0, 3);
    for (const std::size_t step : {1, 7, 50}) EXPECT_EQ(read(bytes, step, limits).back().substr(0, 3), status) << step;
    return status;
  };
  EXPECT_EQ(refusal_of("GET /" + std::string(80, 'a') + " HTTP/1.1\r\nHost: x\r\n\r\n"), "414");
  EXPECT_EQ(refusal_of("GET / HTTP/1.1\r\nHost: x\r\nX: " + std::string(300, 'a') + "\r\n\r\n"), "431");
  EXPECT_EQ(refusal_of("GET / HTTP/1.1\r\nHost: x\r\nA: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\n\r\n"), "431");
  EXPECT_EQ(refusal_of(std::string(kHead) + "Content-Length: 11\r\n\r\n"), "413");
  EXPECT_EQ(refusal_of(std::string(kHead) + "Transfer-Encoding: chunked\r\n\r\n6\r\n123456\r\n6\r\n123456\r\n"), "413");
  EXPECT_EQ(
      refusal_of(std::string(kHead) + "Transfer-Encoding: chunked\r\n\r\n1;" + std::string(300, 'x') + "\r\na\r\n"),
      "400");
}

// What is just as large as the limit is taken, wherever it is cut, and one more byte is not.
TEST(RequestReader, LimitsAreInclusive) {
  const ReadLimits limits{.line = 64, .head = 100, .fields = 4, .body = 10};
  const auto status_of = [&](const std::string& bytes) {
    std::set<std::string> seen;
    for (std::size_t step = 1; step <= bytes.size(); ++step) {
      const auto all = read(bytes, step, limits);
      seen.insert(all.empty() ? "waits" : all.back().starts_with("POST") ? "taken" : all.back().substr(0, 3));
    }
    EXPECT_EQ(seen.size(), 1u) << bytes;
    return *seen.begin();
  };
  const std::string begin = kHead, fields = begin + "Content-Length: 0\r\nC: \r\n";
  EXPECT_EQ(status_of(fields + "D: 1\r\n\r\n"), "taken");
  EXPECT_EQ(status_of(fields + "D: 1\r\nE: 1\r\n\r\n"), "431");
  const std::string to_limit(limits.head - fields.size() - 7, 'd');  // 7: of the last field and the end
  EXPECT_EQ(status_of(fields + "D: " + to_limit + "\r\n\r\n"), "taken");
  EXPECT_EQ(status_of(fields + "D: " + to_limit + "d\r\n\r\n"), "431");
  EXPECT_EQ(status_of(begin + "Content-Length: 10\r\n\r\n0123456789"), "taken");
  EXPECT_EQ(status_of(begin + "Content-Length: 11\r\n\r\n"), "413");
  const std::string chunks = begin + "Transfer-Encoding: chunked\r\n\r\n4\r\n0123\r\n";
  EXPECT_EQ(status_of(chunks + "6\r\n456789\r\n0\r\n\r\n"), "taken");
  EXPECT_EQ(status_of(chunks + "7\r\n456789a\r\n0\r\n\r\n"), "413");
  const auto with_extension = [&](std::size_t size) {
    RequestReader reader({});
    reader.add(begin + "Transfer-Encoding: chunked\r\n\r\n1" + ";x=" + std::string(size - 3, 'y') +
               "\r\na\r\n0\r\n\r\n");
    return reader.state();
  };
  EXPECT_EQ(with_extension(256), State::done);
  EXPECT_EQ(with_extension(257), State::bad);
}

// A cut between the two bytes of its end once made it too long.
TEST(RequestReader, ALineMayBeAsLongAsTheLimit) {
  const std::string line = "GET /" + std::string(64 - 14, 'a') + " HTTP/1.1";
  for (const std::string more : {"", "a"}) {
    std::string bytes = line + "\r\nHost: x\r\n\r\n";
    bytes.insert(5, more);
    const auto whole = read(bytes, bytes.size(), {.line = 64});
    ASSERT_EQ(whole.size(), 1u);
    EXPECT_EQ(whole[0].starts_with("414 "), !more.empty()) << whole[0];
    for (std::size_t step = 1; step < bytes.size(); ++step) EXPECT_EQ(read(bytes, step, {.line = 64}), whole) << step;
  }
}

TEST(RequestReader, KeepsTheConnectionAsTheVersionSays) {
  const auto keeps = [](const std::string& head) {
    RequestReader reader({});
    reader.add(head + "\r\n\r\n");
    EXPECT_EQ(reader.state(), State::done) << head;
    return reader.request().keep_alive;
  };
  EXPECT_TRUE(keeps("GET / HTTP/1.1\r\nHost: x"));
  EXPECT_FALSE(keeps("GET / HTTP/1.1\r\nHost: x\r\nConnection: close"));
  EXPECT_FALSE(keeps("GET / HTTP/1.0\r\nHost: x"));
  EXPECT_TRUE(keeps("GET / HTTP/1.0\r\nConnection: Keep-Alive"));
  EXPECT_FALSE(keeps("GET / HTTP/1.0\r\nConnection: keep-alive, Close"));
}

}  // namespace
}  // namespace pc::serve
