#include "tools/serve/message.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <ctime>

#include "kernels/base/text.h"
#include "tools/cli/json.h"

namespace pc::serve {

std::string_view Request::field(std::string_view name) const {
  for (const auto& [key, value] : fields)
    if (equal_ignoring_case(key, name)) return value;
  return "";
}

bool Request::has_field(std::string_view name) const {
  return std::any_of(fields.begin(), fields.end(), [&](const auto& f) { return equal_ignoring_case(f.first, name); });
}

Response refusal(int status, const std::string& message) {
  return {.status = status, .body = cli::one_line({{"error", message}}) + "\n"};
}

Response busy(const std::string& message) {
  Response response = refusal(503, message);
  response.fields.emplace_back("Retry-After", "1");
  return response;
}

const char* reason_of(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 204:
      return "No Content";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 421:
      return "Misdirected Request";
    case 422:
      return "Unprocessable Content";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    default:
      return "Status";
  }
}

std::string to_bytes(const Response& response, bool body, std::string_view connection) {
  std::string text = fmt::format("HTTP/1.1 {} {}\r\n", response.status, reason_of(response.status));
  if (!response.type.empty()) text += fmt::format("Content-Type: {}\r\n", response.type);
  if (response.status != 204) text += fmt::format("Content-Length: {}\r\n", response.body.size());
  for (const auto& [name, value] : response.fields) text += fmt::format("{}: {}\r\n", name, value);
  text += "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n";
  text += fmt::format("Date: {:%a, %d %b %Y %T} GMT\r\n", fmt::gmtime(std::time(nullptr)));
  if (!connection.empty()) text += fmt::format("Connection: {}\r\n", connection);
  text += "\r\n";
  return body ? text + response.body : text;
}

}  // namespace pc::serve
