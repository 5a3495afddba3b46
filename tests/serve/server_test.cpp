// The server alone, with a service that fails: the request is answered, and everything goes on.
#include "tools/serve/server.h"

#include <gtest/gtest.h>

#include <csignal>
#include <deque>
#include <new>
#include <semaphore>
#include <thread>

#include "tools/serve/asio.h"

namespace pc::serve {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

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
    if (request.path == "/never") return kept.push_back(respond), arrived.release();
    if (request.path == "/busy") arrived.release(), go_on.acquire();  // the server's thread with it
    respond({.body = request.body});
    if (request.path == "/late") throw std::runtime_error("behind the answer");
  }
  void record(const Exchange& exchange) override {
    statuses.push_back(exchange.status);
    records.push_back(exchange);
  }
  void connections(std::size_t count) override { open = count; }
  void reload() override { ++reloads, arrived.release(); }
  void drain() override { ++drains; }
  std::vector<int> statuses;
  std::vector<Exchange> records;
  std::vector<Respond> kept;
  std::size_t open = 0;
  int reloads = 0, drains = 0;
  std::counting_semaphore<> arrived{0}, go_on{0};
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
    const std::string said = head_ = rest_.substr(0, end), length = "Content-Length: ";
    const std::size_t size = std::stoul(said.substr(said.find(length) + length.size()));
    rest_.erase(0, end);
    if (rest_.size() < size)
      asio::read(socket_, asio::dynamic_buffer(rest_), asio::transfer_exactly(size - rest_.size()));
    const std::string answer = said.substr(9, 3) + " " + rest_.substr(0, size);
    rest_.erase(0, size);
    return answer;
  }
  // Whether the last reply announced the end of the connection.
  bool last() const { return head_.find("\r\nConnection: close\r\n") != head_.npos; }
  // Waits for it.
  bool ends() {
    boost::system::error_code error;
    char byte;
    return socket_.read_some(asio::buffer(&byte, 1), error) == 0;
  }
  // Whether it has come, without waiting.
  bool ended() {
    boost::system::error_code error;
    char byte;
    socket_.non_blocking(true);
    socket_.read_some(asio::buffer(&byte, 1), error);
    return error == asio::error::eof;
  }

 private:
  std::string head_;
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

// Half the time that an answer may take, so it ends before the answer comes.
TEST_F(Hurried, AnIdleConnectionEnds) {
  Client idle(server_.port()), asking(server_.port());
  EXPECT_EQ(idle.ask("/"), "200 text");
  EXPECT_EQ(asking.ask("/never").substr(0, 3), "504");
  EXPECT_TRUE(idle.ended());
  service_.kept.clear();
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

// No time that runs out ends a connection.
struct Patient : Serving {
  Patient() : Serving({.port = 0, .deadline = 1h}) {}
};

TEST_F(Patient, ADrainAnswersWhatHasArrivedAndTakesNoMore) {
  const uint16_t port = server_.port();
  Client idle(port), half(port), asking(port);
  EXPECT_EQ(idle.ask("/"), "200 text");
  EXPECT_FALSE(idle.last());
  asking.send(
      "POST /never HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\nPOST / HTTP/1.1\r\nHost: x\r\nContent-Length: "
      "4\r\n\r\nnext");
  service_.arrived.acquire();
  half.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nte");
  std::raise(SIGTERM);
  EXPECT_TRUE(idle.ends());
  EXPECT_THROW(Client{port}, boost::system::system_error);
  half.send("xt");
  EXPECT_EQ(half.reply(), "200 text");
  EXPECT_TRUE(half.last() && half.ends());
  service_.kept.at(0)({.body = "at last"});
  EXPECT_EQ(asking.reply(), "200 at last");
  EXPECT_EQ(asking.reply(), "200 next");  // it had arrived as well
  EXPECT_TRUE(asking.last() && asking.ends());
  service_.kept.clear();  // the server does not end before
  thread_.join();
  EXPECT_EQ(service_.drains, 1);
  EXPECT_EQ(service_.open, 0u);
}

// The server's thread is busy while a signal and then connections come; it takes one or two of them before it obeys the signal.
TEST_F(Patient, ADrainTakesTheConnectionsThatWait) {
  const uint16_t port = server_.port();
  Client busy(port);
  busy.send("POST /busy HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbusy");
  service_.arrived.acquire();
  std::raise(SIGTERM);
  std::deque<Client> late;
  for (int i = 0; i < 6; ++i)
    late.emplace_back(port).send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nlate");
  service_.go_on.release();
  EXPECT_EQ(busy.reply(), "200 busy");
  EXPECT_TRUE(busy.ends());
  for (Client& client : late) {
    EXPECT_EQ(client.reply(), "200 late");
    EXPECT_TRUE(client.ends());
  }
  thread_.join();
}

TEST_F(Serving, AClientThatLeavesHarmsNobody) {
  for (const bool before_its_answer : {true, false}) {
    {
      Client leaving(server_.port());
      leaving.send("POST /never HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
      service_.arrived.acquire();
      if (!before_its_answer) service_.kept.back()({.body = std::string(1 << 20, 'x')});
    }
    if (before_its_answer) service_.kept.back()({.body = "nobody hears it"});
    EXPECT_EQ(Client(server_.port()).ask("/"), "200 text");
  }
  service_.kept.clear();  // the server does not end before
  end();
  EXPECT_EQ(service_.statuses, (std::vector<int>{200, 200, 200, 200}));
  EXPECT_EQ(service_.open, 0u);
}

TEST_F(Serving, EachHangupIsAReload) {
  for (int round = 1; round <= 3; ++round) {
    std::raise(SIGHUP);
    ASSERT_TRUE(service_.arrived.try_acquire_for(20s)) << round;
  }
  EXPECT_EQ(Client(server_.port()).ask("/"), "200 text");
  end();
  EXPECT_EQ(service_.reloads, 3);
}

struct Filled : Serving {
  Filled() : Serving({.port = 0, .read = {.body = 600}, .received = 500}) {}
};

TEST_F(Filled, BytesOnTheirWayAreCountedUntilTheirAnswer) {
  const std::string head = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 400\r\n\r\n";
  const std::string body(100, 'b'), most = "POST / HTTP/1.1\r\nHost: x\r\nA: \r\nContent-Length: 100\r\n\r\n";
  const auto padded = [&](std::size_t bytes) {
    return std::string(most).insert(most.find("A: ") + 3, bytes - most.size() - body.size(), 'a') + body;
  };
  Client client(server_.port());
  for (int round = 0; round < 3; ++round) {  // those of an answered request are gone
    client.send(padded(500));
    EXPECT_EQ(client.reply(), "200 " + body);
  }
  Client other(server_.port());
  EXPECT_EQ(other.ask("/", "x"), "200 x");
  other.send(head);
  EXPECT_EQ(client.ask("/", "x"), "200 x");  // by then the head of the other one has been read
  client.send(padded(501 - head.size()));
  EXPECT_EQ(client.reply(), "503 {\"error\":\"too many bytes of requests are on their way; try again\"}\n");
  EXPECT_TRUE(client.last() && client.ends());
  Client again(server_.port());
  again.send(padded(500 - head.size()));
  EXPECT_EQ(again.reply(), "200 " + body);
}

struct Slow : Serving {
  Slow() : Serving({.port = 0, .deadline = 1200ms}) {}
};

// A head has a sixth of the time of its request, whichever began first.
TEST_F(Slow, WhatDoesNotArriveInTimeIsA408) {
  const std::string late = "408 {\"error\":\"the request did not arrive in time\"}\n";
  Client silent(server_.port()), body(server_.port());
  body.send("POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbod");
  Client head(server_.port());
  head.send("POST /head HTTP/1.1\r\nHost:");
  for (Client* client : {&head, &body}) {
    EXPECT_EQ(client->reply(), late);
    EXPECT_TRUE(client->last() && client->ends());
  }
  EXPECT_TRUE(silent.ends());
  end();
  ASSERT_EQ(service_.records.size(), 2u);
  EXPECT_EQ(service_.records[0].path, "");
  EXPECT_EQ(service_.records[1].path, "/body");
}

}  // namespace
}  // namespace pc::serve
