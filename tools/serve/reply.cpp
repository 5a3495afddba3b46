#include "tools/serve/reply.h"

#include <utility>

namespace pc::serve {

namespace asio = boost::asio;

// What the copies of a Respond share.
struct Reply::Way {
  explicit Way(std::shared_ptr<Reply> to) : reply(std::move(to)), guard(reply->io_->get_executor()) {}
  ~Way() {
    if (!reply->given_.test_and_set()) reply->deliver();
  }
  Way(const Way&) = delete;
  Way& operator=(const Way&) = delete;
  std::shared_ptr<Reply> reply;
  asio::executor_work_guard<asio::io_context::executor_type> guard;
};

Reply::Reply(std::shared_ptr<asio::io_context> io, std::chrono::steady_clock::time_point deadline)
    : io_(std::move(io)), timer_(*io_, deadline) {}

Respond Reply::respond() {
  return [way = std::make_shared<Way>(shared_from_this())](Response response) {
    Reply& reply = *way->reply;
    if (reply.given_.test_and_set()) return;
    reply.response_ = std::move(response);
    reply.deliver();
  };
}

void Reply::deliver() {
  asio::post(io_->get_executor(),
             asio::bind_allocator(std::pmr::polymorphic_allocator<>(&memory_), [self = shared_from_this()] {
               self->there_ = true;
               self->timer_.cancel();
             }));
}

asio::awaitable<Response> Reply::wait() {
  if (!there_) co_await timer_.async_wait(asio::as_tuple(asio::use_awaitable));
  co_return there_ ? std::move(response_) : refusal(504, kTooLate);
}

}  // namespace pc::serve
