// One reply at a time: twice, and with its service the last to leave.
#include "tools/serve/reply.h"

#include <gtest/gtest.h>

#include <optional>
#include <thread>

namespace pc::serve {
namespace {

using namespace std::chrono_literals;
namespace asio = boost::asio;

// What wait() gives when `service` does with the Respond what it does, on a thread of its own.
Response answer(std::chrono::milliseconds deadline, const std::function<void(Respond)>& service) {
  const auto io = std::make_shared<asio::io_context>(1);
  const auto reply = std::make_shared<Reply>(io, std::chrono::steady_clock::now() + deadline);
  std::thread thread(service, reply->respond());
  std::optional<Response> got;
  asio::co_spawn(
      *io, [&]() -> asio::awaitable<void> { got = co_await reply->wait(); }, asio::detached);
  io->run();
  thread.join();
  EXPECT_TRUE(got);
  return got.value_or(Response{});
}

Response text(const std::string& body) { return {.status = 200, .body = body}; }

TEST(Reply, IsTheFirstOfTwo) {
  const Response got = answer(1h, [](const Respond& respond) {
    respond(text("one"));
    respond(text("two"));
  });
  EXPECT_EQ(got.status, 200);
  EXPECT_EQ(got.body, "one");
}

// The context's run() ends, and the server with it, while the last copy of a Respond goes.
TEST(Reply, KeepsTheContextOfAServerThatHasEnded) {
  auto io = std::make_shared<asio::io_context>(1);
  const std::weak_ptr<asio::io_context> context = io;
  std::optional<Respond> respond = std::make_shared<Reply>(io, std::chrono::steady_clock::now() + 1h)->respond();
  (*respond)(text("nobody waits"));
  io->run_for(1ms);
  io.reset();
  EXPECT_FALSE(context.expired());
  respond.reset();
  EXPECT_TRUE(context.expired());
}

}  // namespace
}  // namespace pc::serve
