#include "tools/serve/access.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <openssl/crypto.h>

#include <algorithm>
#include <array>

#include "kernels/base/error.h"
#include "kernels/base/file.h"
#include "kernels/base/sha256.h"
#include "kernels/base/text.h"
#include "tools/cli/number.h"

namespace pc::serve {
namespace {

constexpr std::string_view kAny = "*";

bool listed(const std::vector<std::string>& names, std::string_view name) {
  return std::any_of(names.begin(), names.end(),
                     [&](const std::string& n) { return n == kAny || equal_ignoring_case(n, name); });
}

bool is_address(int family, std::string_view text) {
  in6_addr address;
  return ::inet_pton(family, std::string(text).c_str(), &address) == 1;
}

bool is_bracketed_address(std::string_view text) {
  return text.starts_with('[') && text.ends_with(']') && is_address(AF_INET6, text.substr(1, text.size() - 2));
}

bool is_letter_or_digit(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// A name or an IPv4 address, or an IPv6 address in brackets.
bool is_host(std::string_view text) {
  const auto plain = [](char c) { return is_letter_or_digit(c) || c == '.' || c == '-' || c == '_'; };
  return is_bracketed_address(text) || (!text.empty() && std::all_of(text.begin(), text.end(), plain));
}

// As browsers write it: not the one that the scheme implies.
bool is_explicit_port(std::string_view text, std::string_view scheme) {
  return !text.starts_with('0') && cli::number_in(text, 1, 65535) &&
         text != (scheme == "http"    ? "80"
                  : scheme == "https" ? "443"
                                      : "");
}

bool is_origin(std::string_view text) {
  const std::size_t colon = text.find("://");
  if (colon == text.npos) return false;
  const std::string scheme = to_lower(text.substr(0, colon));
  const std::string_view rest = text.substr(colon + 3);
  const std::string_view host = rest.substr(0, rest.find(':', rest.starts_with('[') ? rest.find(']') : 0));
  const bool has_port = host.size() < rest.size();
  return !scheme.empty() &&
         std::all_of(scheme.begin(), scheme.end(),
                     [](char c) { return is_letter_or_digit(c) || c == '+' || c == '-' || c == '.'; }) &&
         is_host(host) && (!has_port || is_explicit_port(rest.substr(host.size() + 1), scheme));
}

// "name:80" -> "name", "[::1]:80" -> "[::1]".
std::string_view without_port(std::string_view host) {
  if (host.starts_with('[')) return host.substr(0, std::min(host.find(']'), host.size() - 1) + 1);
  return host.substr(0, host.find(':'));
}

bool may_post(const Access& access, const Request& request) {
  const std::string_view origin = request.field("Origin");
  if (origin.empty() || listed(access.origins, origin)) return true;
  const std::size_t scheme = origin.find("://");
  return scheme != origin.npos && equal_ignoring_case(origin.substr(scheme + 3), request.field("Host"));
}

std::array<std::byte, 32> digest(std::string_view text) { return sha256(std::as_bytes(std::span(text))); }

// Digests are compared: the time says nothing about the token, its length included.
bool has_token(const std::string& token, std::string_view authorization) {
  constexpr std::string_view kScheme = "Bearer ";
  if (!equal_ignoring_case(authorization.substr(0, kScheme.size()), kScheme)) return false;
  const auto given = digest(trimmed(authorization.substr(kScheme.size()))), wanted = digest(token);
  return CRYPTO_memcmp(given.data(), wanted.data(), wanted.size()) == 0;
}

}  // namespace

std::string read_token(const std::filesystem::path& file) {
  const std::string text = read_file(file);
  const auto mode = std::filesystem::status(file).permissions();
  if ((mode & std::filesystem::perms::others_read) != std::filesystem::perms::none)
    fail(Exit::file, fmt::format("{}: everybody can read the token; chmod 600 {}", file.string(), file.string()));
  const std::string token(trimmed(std::string_view(text).substr(0, text.find_first_of("\r\n"))));
  if (token.empty()) fail(Exit::data, file.string() + ":1: no token; the first line must hold one");
  if (std::any_of(token.begin(), token.end(), [](char c) { return c <= ' ' || c > '~'; }))
    fail(Exit::data, file.string() + ":1: a token is printable ASCII without blanks");
  return token;
}

std::string allowed_host(const std::string& value) {
  if (is_address(AF_INET6, value)) return "[" + value + "]";
  if (value != kAny && !is_host(value))
    fail(Exit::usage, fmt::format("--allow-host {}: no Host header can match it; give a name or an address, such as "
                                  "shop.example, without scheme and port, or * for all",
                                  value));
  return value;
}

std::string allowed_origin(const std::string& value) {
  if (value != kAny && value != "null" && !is_origin(value))
    fail(Exit::usage, fmt::format("--allow-origin {}: no Origin header can match it; give scheme and host as browsers "
                                  "send them, such as https://shop.example or http://localhost:3000, or * for all",
                                  value));
  return value;
}

std::optional<Response> refuse_access(const Access& access, const Request& request, Guard guard) {
  if (guard == Guard::none) return std::nullopt;
  if (const std::string_view host = without_port(request.field("Host"));
      request.has_field("Host") && !listed(access.hosts, host) &&
      !(access.any_address && (is_address(AF_INET, host) || is_bracketed_address(host))))
    return refusal(421, fmt::format("this server does not answer for host \"{}\"; its --allow-host NAME allows one",
                                    printable(host)));
  if (request.method == "POST" && !may_post(access, request))
    return refusal(403, fmt::format("a page of origin \"{}\" may not post here; the server's --allow-origin allows one",
                                    printable(request.field("Origin"))));
  if (guard == Guard::token && !access.token.empty() && !has_token(access.token, request.field("Authorization"))) {
    Response response = refusal(401, "a bearer token is needed");
    response.fields.emplace_back("WWW-Authenticate", "Bearer");
    return response;
  }
  return std::nullopt;
}

std::vector<std::pair<std::string, std::string>> origin_fields(const Access& access, const Request& request) {
  const std::string_view origin = request.field("Origin");
  if (origin.empty() || !listed(access.origins, origin)) return {};
  return {{"Access-Control-Allow-Origin", std::string(origin)}, {"Vary", "Origin"}};
}

}  // namespace pc::serve
