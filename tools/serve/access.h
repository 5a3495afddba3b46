// Who may ask: the Host, Origin and Authorization fields of a request.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "tools/serve/message.h"

namespace pc::serve {

struct Access {
  std::vector<std::string> hosts;    // names that Host may hold, with any port; IPv6 addresses in brackets; "*": any
  std::vector<std::string> origins;  // foreign ones that may POST, such as "https://shop.example"; "*": any
  bool any_address = false;          // Host may also hold any IP address
  std::string token;                 // "": none is asked for
};

// What a route requires of a request; each level includes those before it.
enum class Guard { none, host, token };

// The values of --allow-host and --allow-origin as Access compares them. Throw Error(usage) for one that no request can
// match, such as a host with a port, an origin without its scheme.
std::string allowed_host(const std::string& value);
std::string allowed_origin(const std::string& value);

// The token of a file: its first line. Errors: Error(file) where everybody may read it, Error(data) where the line is
// empty or holds anything but printable ASCII.
std::string read_token(const std::filesystem::path& file);

// 421 for a Host that is not listed: a web page that had its own name resolve to this machine. No browser leaves the
// field out, so a request without one (HTTP/1.0) passes. 403 for a POST whose Origin is neither the Host nor listed.
// 401 if the token is absent or another one.
std::optional<Response> refuse_access(const Access& access, const Request& request, Guard guard);

// The fields that let the pages of a listed origin read the answer; none for others.
std::vector<std::pair<std::string, std::string>> origin_fields(const Access& access, const Request& request);

}  // namespace pc::serve
