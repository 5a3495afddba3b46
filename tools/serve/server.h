// An HTTP/1.1 server on one thread: connections, deadlines, limits, and an orderly end. What is answered is the
// service's matter.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "tools/serve/request_reader.h"
#include "tools/serve/service.h"

namespace pc::serve {

struct ServerSettings {
  std::string host = "127.0.0.1";  // where to listen: an address of this machine, not a name
  uint16_t port = 8080;            // 0: any
  ReadLimits read;
  // From a request's first byte to its last one, and from there to its answer: 504. Its head has a sixth of that; a
  // connection may idle for half of it.
  std::chrono::milliseconds deadline{30'000};
  std::size_t connections = 512;    // one more takes the place of an idle one, or is answered 503 and closed
  uint64_t received = 256'000'000;  // bytes of requests in memory at once; 503 beyond
};

// SIGHUP waits from here on until there is a Server that takes it: asked to reload while it loads its first model, the
// program would end. For the main thread, before it starts others.
void hold_reloads();

class Server {
 public:
  // Listens. Throws Error(usage) for a bad address, Error(network) where it cannot be bound.
  Server(const ServerSettings& settings, Service& service);
  ~Server();
  uint16_t port() const;
  // On this thread, until SIGTERM or SIGINT and until everything that had arrived is answered. A second signal ends the
  // process.
  void run();

  struct Impl;  // what its connections see of it

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace pc::serve
