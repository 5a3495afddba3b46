// From the bytes of a connection to requests, one after the other: limits, strictness, and Boost.Beast for the rest.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "tools/serve/message.h"

namespace pc::serve {

struct ReadLimits {
  std::size_t line = 8 << 10, head = 16 << 10;  // bytes of the request line, of the whole head
  std::size_t fields = 64;
  uint64_t body = 10'000'000;  // bytes, chunked ones counted as they come
};

class RequestReader {
 public:
  explicit RequestReader(const ReadLimits& limits);
  ~RequestReader();
  RequestReader(RequestReader&&) noexcept;

  // empty: no byte of a request yet. head: it has begun. body: request() is known but for its body. done: all of it.
  // bad: refused() says why, and nothing more can be read.
  enum class State { empty, head, body, done, bad };
  State state() const { return state_; }
  void add(std::string_view bytes);
  // After `done`: on to the next request, whose first bytes may have come already.
  void next();

  Request& request() { return request_; }
  const Response& refused() const { return *refused_; }

 private:
  void read_head();
  void read_body();
  void refuse(int status, std::string_view message);
  void take_fields();
  struct Parser;
  ReadLimits limits_;
  std::unique_ptr<Parser> parser_;
  std::string bytes_;        // not taken yet
  std::size_t checked_ = 0;  // of them, known to be no end of the head
  State state_ = State::empty;
  Request request_;
  std::optional<Response> refused_;
};

}  // namespace pc::serve
