#include "tools/serve/server.h"

#include <fmt/format.h>

#include <array>
#include <atomic>
#include <boost/asio.hpp>
#include <csignal>
#include <set>

#include "kernels/base/error.h"
#include "kernels/base/logger.h"

namespace pc::serve {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto kReport = asio::as_tuple(asio::use_awaitable);  // errors as values
constexpr auto kLinger = 2s;                                   // that a closed connection may still send into the void
constexpr auto kLastCall = 1s;  // for the first byte of a connection that was accepted while draining

constexpr const char* kNotOurs =
    "not an address of this machine, such as 127.0.0.1, ::1 or 0.0.0.0 for all of them; --allow-host and "
    "--allow-origin "
    "name the Host and Origin headers that are answered";

class Session;

// What the service lets escape ends its request, neither the connection nor the server.
Response internal_error(const std::exception& error) {
  Logger("pcserve").line(fmt::format("internal error: {}", error.what()));
  return refusal(500, "internal error");
}

}  // namespace

struct Server::Impl {
  Impl(const ServerSettings& s, Service& behind) : settings(s), service(behind) {}
  asio::awaitable<void> accept();
  void begin(tcp::socket socket);
  void drain();
  ServerSettings settings;
  Service& service;
  asio::io_context io{1};
  tcp::acceptor acceptor{io};
  asio::signal_set stop_signals{io}, reload_signal{io};
  std::set<Session*> sessions;
  uint64_t received = 0;  // bytes of requests that are not answered yet
  bool draining = false;
  Clock::time_point last_answer = Clock::time_point::max();  // while draining: no further request is taken after it
  std::array<char, 1 << 16> buffer;                          // of all connections: filled and taken within one step
};

namespace {

class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(Server::Impl& server, tcp::socket socket);
  ~Session();
  asio::awaitable<void> run();
  void drain();

 private:
  asio::awaitable<bool> receive();
  asio::awaitable<bool> more();
  bool vet();
  asio::awaitable<Response> respond();
  asio::awaitable<bool> send(std::string bytes);
  asio::awaitable<void> linger();
  void due(Clock::time_point when);
  void forget_request();

  Server::Impl& server_;
  tcp::socket socket_;
  asio::steady_timer timer_;
  RequestReader reader_;
  std::string peer_;
  std::optional<Response> refused_;
  Exchange exchange_;
  Clock::time_point begin_;
  bool late_ = false, vetted_ = false;
  std::size_t received_ = 0;
};

Session::Session(Server::Impl& server, tcp::socket socket)
    : server_(server), socket_(std::move(socket)), timer_(server.io), reader_(server.settings.read) {
  error_code gone;
  const auto peer = socket_.remote_endpoint(gone);
  if (!gone) peer_ = peer.address().to_string();
  socket_.non_blocking(true, gone);
  socket_.set_option(tcp::no_delay(true), gone);
  server_.sessions.insert(this);
  server_.service.connections(server_.sessions.size());
}

Session::~Session() {
  forget_request();
  server_.sessions.erase(this);
  server_.service.connections(server_.sessions.size());
}

void Session::forget_request() {
  server_.received -= received_;
  received_ = 0;
}

// What waits on the socket then ends with late_ set.
void Session::due(Clock::time_point when) {
  late_ = false;
  timer_.expires_at(when);
  timer_.async_wait([weak = weak_from_this()](const error_code& canceled) {
    const auto self = weak.lock();
    if (canceled || !self || self->timer_.expiry() > Clock::now()) return;
    self->late_ = true;
    self->socket_.cancel();
  });
}

// An idle connection ends, one whose request has arrived in part or whole goes on.
void Session::drain() {
  error_code gone;
  if (reader_.state() == RequestReader::State::empty && socket_.available(gone) == 0) due(Clock::now());
}

// Reads what has come. False: the connection is over, or late.
asio::awaitable<bool> Session::more() {
  for (;;) {
    const auto [error] = co_await socket_.async_wait(tcp::socket::wait_read, kReport);
    if (error || late_) co_return false;
    error_code failed;
    const std::size_t bytes = socket_.read_some(asio::buffer(server_.buffer), failed);
    if (failed == asio::error::would_block) continue;
    if (failed || bytes == 0) co_return false;
    received_ += bytes, server_.received += bytes;
    try {
      reader_.add({server_.buffer.data(), bytes});
    } catch (const std::bad_alloc&) {
      refused_ = busy("out of memory for the request; try again");
    }
    co_return true;
  }
}

// The service's look at the head. False: it refuses.
bool Session::vet() {
  if (vetted_) return true;
  vetted_ = true;
  const Request& request = reader_.request();
  exchange_.method = request.method, exchange_.path = request.path;
  try {
    refused_ = server_.service.refuse(request);
  } catch (const std::exception& error) {
    refused_ = internal_error(error);
  }
  return !refused_;
}

// A request, or a refusal to be sent. False: there is nobody to answer.
asio::awaitable<bool> Session::receive() {
  using enum RequestReader::State;
  const auto deadline = server_.settings.deadline;
  begin_ = Clock::now();
  const auto idle = server_.draining ? Clock::duration(kLastCall) : deadline / 2;
  due(begin_ + (reader_.state() == empty ? idle : deadline / 6));
  for (auto before = reader_.state(); reader_.state() != done; before = reader_.state()) {
    if (reader_.state() == bad) co_return true;
    if (reader_.state() == body && !vetted_) {
      if (!vet()) co_return true;
      due(begin_ + deadline);
      if (reader_.request().expects_continue && !co_await send("HTTP/1.1 100 Continue\r\n\r\n")) co_return false;
      due(begin_ + deadline);
    }
    if (!co_await more()) {
      if (!late_ || before == empty) co_return false;
      refused_ = refusal(408, "the request did not arrive in time");
      co_return true;
    }
    if (refused_) co_return true;
    if (before == empty) {
      begin_ = Clock::now();
      due(begin_ + deadline / 6);
    }
    if (server_.received > server_.settings.received) {
      refused_ = busy("too many bytes of requests are on their way; try again");
      co_return true;
    }
  }
  vet();
  co_return true;
}

asio::awaitable<Response> Session::respond() {
  if (reader_.state() == RequestReader::State::bad) co_return reader_.refused();
  if (refused_) co_return *refused_;
  // Resumed on this thread, wherever the answer comes from, by the first one; the guard keeps io.run() from ending
  // before.
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<>, void(Response)>(
      [this](auto handler) {
        auto resume = std::make_shared<decltype(handler)>(std::move(handler));
        auto answered = std::make_shared<std::atomic_flag>();
        auto guard = asio::make_work_guard(server_.io);
        const Respond once = [resume, answered, guard](Response response) {
          if (answered->test_and_set()) return;
          asio::post(guard.get_executor(),
                     [resume, response = std::move(response)]() mutable { (*resume)(std::move(response)); });
        };
        try {
          server_.service.answer(std::move(reader_.request()), once);
        } catch (const std::exception& error) {
          once(internal_error(error));
        }
      },
      asio::use_awaitable);
}

asio::awaitable<bool> Session::send(std::string bytes) {
  due(Clock::now() + server_.settings.deadline);
  const auto [error, count] = co_await asio::async_write(socket_, asio::buffer(bytes), kReport);
  exchange_.sent += count;
  co_return !error;
}

// Closing with bytes unread would reset the connection, and the answer with it.
asio::awaitable<void> Session::linger() {
  error_code ignored;
  socket_.shutdown(tcp::socket::shutdown_send, ignored);
  due(Clock::now() + kLinger);
  for (;;) {
    const auto [error] = co_await socket_.async_wait(tcp::socket::wait_read, kReport);
    if (error || late_) break;
    error_code failed;
    if (socket_.read_some(asio::buffer(server_.buffer), failed) == 0 && failed != asio::error::would_block) break;
  }
}

asio::awaitable<void> Session::run() {
  for (bool over = false; !over;) {
    exchange_ = {.peer = peer_}, refused_.reset(), vetted_ = false;
    if (!co_await receive()) break;
    const bool keep_alive = reader_.request().keep_alive, head = reader_.request().method == "HEAD";
    const bool old = reader_.request().http_1_0;
    const bool whole = reader_.state() == RequestReader::State::done;
    timer_.cancel();
    const Response response = co_await respond();
    exchange_.status = response.status, exchange_.received = received_;
    forget_request();
    const bool body_refused = refused_ && (!whole || !reader_.request().body.empty());
    if (whole) reader_.next();
    error_code gone;
    over = !whole || !keep_alive || body_refused ||
           (server_.draining && reader_.state() == RequestReader::State::empty && socket_.available(gone) == 0) ||
           begin_ > server_.last_answer;
    const bool sent = co_await send(to_bytes(response, !head, over ? "close" : old ? "keep-alive" : ""));
    exchange_.seconds = std::chrono::duration<double>(Clock::now() - begin_).count();
    server_.service.record(exchange_);
    if (!sent) break;
    if (over) co_await linger();
  }
  timer_.cancel();
}

}  // namespace

// A connection beyond the cap is told so, as far as its buffer takes it, and closed.
void Server::Impl::begin(tcp::socket socket) {
  if (sessions.size() >= settings.connections) {
    error_code ignored;
    socket.non_blocking(true, ignored);
    socket.write_some(asio::buffer(to_bytes(busy("too many connections; try again"), true, "close")), ignored);
    return;
  }
  const auto session = std::make_shared<Session>(*this, std::move(socket));
  asio::co_spawn(
      io, [session]() -> asio::awaitable<void> { co_await session->run(); }, asio::detached);
}

asio::awaitable<void> Server::Impl::accept() {
  while (acceptor.is_open()) {
    auto [error, socket] = co_await acceptor.async_accept(kReport);
    if (!error) {
      begin(std::move(socket));
    } else if (acceptor.is_open()) {  // no file descriptor left, or the client is gone already
      asio::steady_timer pause(io, 50ms);
      co_await pause.async_wait(kReport);
    }
  }
}

// Connections that wait in the backlog may have sent their request before the signal.
void Server::Impl::drain() {
  draining = true;
  last_answer = Clock::now() + settings.deadline;
  service.drain();
  error_code error;
  acceptor.non_blocking(true, error);
  while (!error) {
    tcp::socket socket(io);
    acceptor.accept(socket, error);
    if (!error) begin(std::move(socket));
  }
  acceptor.close(error);
  stop_signals.clear(error);
  reload_signal.clear(error);
  reload_signal.cancel(error);  // nothing waits any more: run() can end
  for (Session* session : std::set(sessions)) session->drain();
}

Server::Server(const ServerSettings& settings, Service& service) : impl_(std::make_unique<Impl>(settings, service)) {
  error_code error;
  const auto address = asio::ip::make_address(settings.host, error);
  if (error) fail(Exit::usage, fmt::format("--host {}: {}", settings.host, kNotOurs));
  const tcp::endpoint place(address, settings.port);
  tcp::acceptor& acceptor = impl_->acceptor;
  acceptor.open(place.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor.bind(place, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error)
    fail(Exit::network, fmt::format("cannot listen on --host {} --port {}: {}", settings.host, settings.port,
                                    error == boost::system::errc::address_not_available ? kNotOurs : error.message()));
  // From here on a signal is not lost, and waits for run().
  for (const int signal : {SIGTERM, SIGINT}) impl_->stop_signals.add(signal);
  impl_->reload_signal.add(SIGHUP);
}

Server::~Server() = default;

uint16_t Server::port() const { return impl_->acceptor.local_endpoint().port(); }

void Server::run() {
  Impl& impl = *impl_;
  impl.stop_signals.async_wait([&](const error_code& error, int) {
    if (!error) impl.drain();
  });
  const std::function<void(const error_code&, int)> on_reload = [&](const error_code& error, int) {
    if (error) return;
    impl.service.reload();
    impl.reload_signal.async_wait(on_reload);
  };
  impl.reload_signal.async_wait(on_reload);
  asio::co_spawn(impl.io, impl.accept(), asio::detached);
  impl.io.run();
}

}  // namespace pc::serve
