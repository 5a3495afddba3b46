// The server alone, with a service that fails: the request is answered, and everything goes on.
#include "tools/serve/server.h"

#include <gtest/gtest.h>

#include <csignal>
#include <new>
#include <thread>

#include "tools/serve/asio.h"

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
    if (request.path == "/lost") return;  // the last copy of `respond` is gone
    if (request.path == "/never") return kept.push_back(respond);
    respond({.body = request.body});
    if (request.path == "/late") throw std::runtime_error("behind the answer");
  }
  void record(const Exchange& exchange) override { statuses.push_back(exchange.status); }
  void connections(std::size_t count) override { open = count; }
  void reload() override {}
  void drain() override {}
  std::vector<int> statuses;
  std::vector<Respond> kept;
  std::size_t open = 0;
};

// One connection.
class Client {
 public:
  explicit Client(uint16_t port) { socket_.connect({asio::ip::address_v4::loopback(), port}); }
  void send(const std::string& bytes) { asio::write(socket_, asio::buffer(bytes)); }
  // The status and the body of what a POST gets.
  std::string ask(const std::string& path, const std::string& body = "text") {
    send("POST " + path + " HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
    return reply();
  }
  std::string reply() {
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
  // Waits for it.
  bool ends() {
    boost::system::error_code error;
    char byte;
    return socket_.read_some(asio::buffer(&byte, 1), error) == 0;
  }

 private:
  asio::io_context io_;
  asio::ip::tcp::socket socket_{io_};
  std::string rest_;
};

class Serving : public testing::Test {
 protected:
  explicit Serving(const ServerSettings& settings = {.port = 0}) : server_(settings, service_) {}
  void SetUp() override {
    thread_ = std::thread([this] { server_.run(); });
  }
  // Drains as a signal from outside does.
  void end() {
    if (!thread_.joinable()) return;
    std::raise(SIGTERM);
    thread_.join();
  }
  void TearDown() override { end(); }
  Failing service_;
  Server server_;
  std::thread thread_;
};

TEST_F(Serving, WhatAServiceThrowsIsAnsweredWith500) {
  const std::string internal = "500 {\"error\":\"internal error\"}\n";
  Client client(server_.port());
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ(client.ask("/"), "200 text");
    EXPECT_EQ(client.ask("/answer"), internal);
    EXPECT_EQ(client.ask("/memory"), internal);
    EXPECT_EQ(client.ask("/late"), "200 text");  // and no second answer
  }
  EXPECT_EQ(client.ask("/refuse"), internal);  // its body is not read: the connection ends
  EXPECT_TRUE(client.ends());
  EXPECT_EQ(Client(server_.port()).ask("/"), "200 text");
  end();
  EXPECT_EQ(service_.statuses.size(), 14u);
  EXPECT_EQ(std::count(service_.statuses.begin(), service_.statuses.end(), 500), 7);
  EXPECT_EQ(service_.open, 0u);
}

// As by a thread that had no memory to make an answer.
TEST_F(Serving, ALostAnswerIsA503) {
  Client client(server_.port());
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ(client.ask("/lost"), "503 {\"error\":\"out of memory for the request; try again\"}\n");
    EXPECT_EQ(client.ask("/"), "200 text");
  }
}

struct Hurried : Serving {
  Hurried() : Serving({.port = 0, .deadline = std::chrono::milliseconds(300)}) {}
};

TEST_F(Hurried, ALateAnswerIsA504) {
  Client client(server_.port());
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(client.ask("/never"), "504 {\"error\":\"the request was not answered in time\"}\n");
    EXPECT_EQ(client.ask("/"), "200 text");
  }
  for (const Respond& respond : service_.kept) respond({.body = "too late"});  // nobody hears it
  EXPECT_EQ(client.ask("/", "others"), "200 others");
  service_.kept.clear();  // the server does not end before
  end();
  EXPECT_EQ(std::count(service_.statuses.begin(), service_.statuses.end(), 504), 2);
}

struct Crowded : Serving {
  Crowded() : Serving({.port = 0, .connections = 3}) {}
};

TEST_F(Crowded, TheConnectionIdleForLongestGivesWay) {
  Client first(server_.port()), second(server_.port()), third(server_.port());
  for (Client* client : {&third, &first, &second}) EXPECT_EQ(client->ask("/"), "200 text");
  Client fourth(server_.port());
  EXPECT_EQ(fourth.ask("/"), "200 text");
  EXPECT_TRUE(third.ends());
  for (Client* client : {&first, &second, &fourth}) EXPECT_EQ(client->ask("/"), "200 text");
  // None is idle: a request of each is on its way.
  const std::vector<Client*> busy = {&first, &second, &fourth};
  for (Client* client : busy) client->send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n");
  Client fifth(server_.port());
  EXPECT_EQ(fifth.reply(), "503 {\"error\":\"too many connections; try again\"}\n");
  EXPECT_TRUE(fifth.ends());
  for (Client* client : busy) {
    client->send("\r\nx");
    EXPECT_EQ(client->reply(), "200 x");
  }
}

}  // namespace
}  // namespace pc::serve
