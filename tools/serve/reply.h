// A response on its way from any thread to the server's.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <memory_resource>

#include "tools/serve/asio.h"
#include "tools/serve/message.h"
#include "tools/serve/service.h"

namespace pc::serve {

// Its way needs no memory: that was set aside before. A response that is lost, as nobody had the memory to make it or to
// hand it on, becomes a 503; one that is late a 504. It keeps the server's context, which a thread of the service may
// still be leaving when the server has ended.
class Reply : public std::enable_shared_from_this<Reply> {
 public:
  Reply(std::shared_ptr<boost::asio::io_context> io, std::chrono::steady_clock::time_point deadline);
  // For the service. The first call counts; if all copies are gone without one, the response is lost. io.run() does not
  // end before.
  Respond respond();
  // On the server's thread, once.
  boost::asio::awaitable<Response> wait();

 private:
  struct Way;
  void deliver();
  const std::shared_ptr<boost::asio::io_context> io_;  // goes last
  boost::asio::steady_timer timer_;  // ends at the deadline, or is canceled when the response is there
  std::atomic_flag given_;
  bool there_ = false;
  Response response_ = busy("out of memory for the request; try again");
  std::array<std::byte, 256> bytes_;
  std::pmr::monotonic_buffer_resource memory_{bytes_.data(), bytes_.size(), std::pmr::null_memory_resource()};
};

}  // namespace pc::serve
