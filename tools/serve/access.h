// Who may ask: the Host, Origin and Authorization fields of a request.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "tools/serve/message.h"

namespace pc::serve {

struct Access {
  std::vector<std::string> hosts;    // names that Host may hold, with any port; IPv6 addresses in brackets
  std::vector<std::string> origins;  // foreign ones that may POST, such as "https://shop.example"
  std::string token;                 // "": none is asked for
};

// The token of a file: its first line. Errors: Error(file) where everybody may read it, Error(data) where the line is
// empty or holds anything but printable ASCII.
std::string read_token(const std::filesystem::path& file);

// 421 for a Host that is not listed: a web page that had its own name resolve to this machine. 403 for a POST whose
// Origin is neither the Host nor listed. 401 where `guarded` and the token is absent or another one.
std::optional<Response> refuse_access(const Access& access, const Request& request, bool guarded);

// The fields that let the pages of a listed origin read the answer; none for others.
std::vector<std::pair<std::string, std::string>> origin_fields(const Access& access, const Request& request);

}  // namespace pc::serve
