// What a server asks of the service behind it.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>

#include "tools/serve/message.h"

namespace pc::serve {

// One request and what became of it. Method and path are empty where the head could not be read.
struct Exchange {
  std::string peer, method, path;
  int status = 0;
  double seconds = 0;  // from its first byte to the end of its answer
  std::size_t received = 0, sent = 0;
};

// Called once per request, from any thread.
using Respond = std::function<void(Response)>;

// All members are called on the server's thread, which they must not hold up. What refuse() or answer() throws is
// answered with 500.
class Service {
 public:
  virtual ~Service() = default;
  // A look at the head, before the body is read: why the request is refused.
  virtual std::optional<Response> refuse(const Request& request) = 0;
  virtual void answer(Request request, Respond respond) = 0;
  virtual void record(const Exchange& exchange) = 0;
  virtual void connections(std::size_t open) = 0;
  virtual void reload() = 0;  // SIGHUP
  virtual void drain() = 0;   // SIGTERM or SIGINT: what has arrived is answered still, then the end
};

}  // namespace pc::serve
