// The server alone, with a service that fails: the request is answered, and everything goes on.
#include "tools/serve/server.h"

#include <gtest/gtest.h>

#include <boost/asio.hpp>
#include <csignal>
#include <new>
#include <thread>

namespace pc::serve {
namespace {

namespace asio = boost::asio;

// Its paths say what becomes of a request.
struct Failing : Service {
  std::optional<Response> refuse(const Request& request) override {
    if (request.path == "/refuse") throw std::runtime_error("in refuse");
    return std::nullopt;
  }
  void answer(Request request, Respond respond) override {
    if (request.path == "/answer") throw std::runtime_error("in answer");
    if (request.path == "/memory") throw std::bad_alloc();
    respond({.body = request.body});
    if (request.path == "/late") throw std::runtime_error("behind the answer");
  }
  void record(const Exchange& exchange) override { statuses.push_back(exchange.status); }
  void connections(std::size_t count) override { open = count; }
  void reload() override {}
  void drain() override {}
  std::vector<int> statuses;
  std::size_t open = 0;
};

class Serving : public testing::Test {
 protected:
  void SetUp() override {
    socket_.connect({asio::ip::address_v4::loopback(), server_.port()});
    thread_ = std::thread([this] { server_.run(); });
  }
  // Drains as a signal from outside does.
  void end() {
    if (!thread_.joinable()) return;
    std::raise(SIGTERM);
    thread_.join();
  }
  void TearDown() override { end(); }
  // The status and the body of what a POST on the one connection gets.
  std::string ask(const std::string& path, const std::string& body = "text") {
    const std::string head = "POST " + path + " HTTP/1.1\r\nHost: x\r\nContent-Length: ";
    asio::write(socket_, asio::buffer(head + std::to_string(body.size()) + "\r\n\r\n" + body));
    const std::size_t end = asio::read_until(socket_, asio::dynamic_buffer(rest_), "\r\n\r\n");
    const std::string said = rest_.substr(0, end), length = "Content-Length: ";
    const std::size_t size = std::stoul(said.substr(said.find(length) + length.size()));
    rest_.erase(0, end);
    if (rest_.size() < size)
      asio::read(socket_, asio::dynamic_buffer(rest_), asio::transfer_exactly(size - rest_.size()));
    const std::string answer = said.substr(9, 3) + " " + rest_.substr(0, size);
    rest_.erase(0, size);
    return answer;
  }
  Failing service_;
  Server server_{{.port = 0}, service_};
  std::thread thread_;
  asio::io_context io_;
  asio::ip::tcp::socket socket_{io_};
  std::string rest_;
};

TEST_F(Serving, WhatAServiceThrowsIsAnsweredWith500) {
  const std::string internal = "500 {\"error\":\"internal error\"}\n";
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ(ask("/"), "200 text");
    EXPECT_EQ(ask("/answer"), internal);
    EXPECT_EQ(ask("/memory"), internal);
    EXPECT_EQ(ask("/late"), "200 text");  // and no second answer
  }
  EXPECT_EQ(ask("/refuse"), internal);  // its body is not read: the connection ends
  boost::system::error_code error;
  char byte;
  EXPECT_EQ(socket_.read_some(asio::buffer(&byte, 1), error), 0u);
  socket_.close();
  socket_ = asio::ip::tcp::socket(io_);
  socket_.connect({asio::ip::address_v4::loopback(), server_.port()});
  EXPECT_EQ(ask("/"), "200 text");
  end();
  EXPECT_EQ(service_.statuses.size(), 14u);
  EXPECT_EQ(std::count(service_.statuses.begin(), service_.statuses.end(), 500), 7);
  EXPECT_EQ(service_.open, 0u);
}

}  // namespace
}  // namespace pc::serve
