#include "tools/serve/access.h"

#include <fmt/format.h>
#include <openssl/crypto.h>

#include <algorithm>
#include <array>

#include "kernels/base/error.h"
#include "kernels/base/file.h"
#include "kernels/base/sha256.h"
#include "kernels/base/text.h"

namespace pc {
namespace {

bool listed(const std::vector<std::string>& names, std::string_view name) {
  return std::any_of(names.begin(), names.end(), [&](const std::string& n) { return equal_ignoring_case(n, name); });
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
  if (token.empty()) fail(Exit::data, file.string() + ":1: no token");
  if (std::any_of(token.begin(), token.end(), [](char c) { return c <= ' ' || c > '~'; }))
    fail(Exit::data, file.string() + ":1: a token is printable ASCII without blanks");
  return token;
}

std::optional<Response> refuse_access(const Access& access, const Request& request, bool guarded) {
  if (!listed(access.hosts, without_port(request.field("Host"))))
    return refusal(421, "this server does not answer for that host; start it with --host NAME to allow one");
  if (request.method == "POST" && !may_post(access, request))
    return refusal(403, "a page of another origin may not post here; start the server with --origin to allow one");
  if (guarded && !access.token.empty() && !has_token(access.token, request.field("Authorization"))) {
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

}  // namespace pc
