// What the server and its routes say to each other: requests and responses without a network.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pc::serve {

// A request as its head says it, and the body once that has arrived.
struct Request {
  std::string method, path, query;  // path and query as sent: the target up to "?" and behind it
  std::vector<std::pair<std::string, std::string>> fields;
  std::string body;
  std::chrono::steady_clock::time_point arrived = {};  // all of it
  bool keep_alive = true;
  bool http_1_0 = false;          // such a client is told that the connection stays
  bool expects_continue = false;  // the client waits for "100 Continue" before it sends the body
  // The value of the only field of that name, whatever its case; "" where there is none.
  std::string_view field(std::string_view name) const;
  bool has_field(std::string_view name) const;
};

struct Response {
  int status = 200;
  std::string body, type = "application/json";
  std::vector<std::pair<std::string, std::string>> fields = {};
};

// {"error": message} with that status.
Response refusal(int status, const std::string& message);

constexpr const char* kTooLate = "the request was not answered in time";  // of a 504

// 503, to be tried again in a second.
Response busy(const std::string& message);

// "Bad Request".
const char* reason_of(int status);

// The bytes of a response. `body`: false for the answer to HEAD; `connection`: "close", "keep-alive", or "" for no such
// field.
std::string to_bytes(const Response& response, bool body, std::string_view connection);

}  // namespace pc::serve
