#include "tools/serve/server.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <array>
#include <csignal>
#include <set>

#include "kernels/base/error.h"
#include "kernels/base/logger.h"
#include "tools/serve/asio.h"
#include "tools/serve/reply.h"

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

// By the limit of descriptors (ulimit -n): some are for the model, its index and the pictures in it.
std::size_t connections_allowed() {
  constexpr rlim_t kOthers = 32;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1;
  return std::max(limit.rlim_cur / 4, limit.rlim_cur - std::min(limit.rlim_cur, kOthers));
}

void mask_reloads(int how) {
  sigset_t reload;
  ::sigemptyset(&reload);
  ::sigaddset(&reload, SIGHUP);
  ::pthread_sigmask(how, &reload, nullptr);
}

// Asio does not tell that it cannot watch the pipe by which signals come: SIGTERM would never arrive.
void check_signals(asio::io_context& io) {
  bool arrived = false;
  asio::signal_set probe(io, SIGURG);
  probe.async_wait([&](const error_code& error, int) { arrived = !error; });
  std::raise(SIGURG);
  while (!arrived && io.run_one_for(5s)) {
  }
  io.restart();
  if (!arrived)
    fail(Exit::limit,
         "cannot wait for signals: epoll_ctl refuses a descriptor; memory or fs.epoll.max_user_watches is used up");
}

}  // namespace

void hold_reloads() { mask_reloads(SIG_BLOCK); }

struct Server::Impl {
  Impl(const ServerSettings& s, Service& behind) : settings(s), service(behind) {}
  asio::awaitable<void> accept(std::shared_ptr<void> token);
  void begin(tcp::socket socket);
  bool give_way();
  void drain();
  bool step();
  ServerSettings settings;
  Service& service;
  const std::shared_ptr<asio::io_context> context = std::make_shared<asio::io_context>(1);  // replies keep it too
  asio::io_context& io = *context;
  tcp::acceptor acceptor{io};
  asio::signal_set stop_signals{io}, reload_signal{io};
  std::set<Session*> sessions;
  const std::string no_memory = to_bytes(busy("out of memory; try again"), true, "close");
  uint64_t received = 0;          // bytes of requests that are not answered yet
  std::weak_ptr<void> accepting;  // its token is gone with what waits for connections
  bool interrupted = false, draining = false;
  Clock::time_point last_answer = Clock::time_point::max();  // while draining: no further request is taken after it
  std::array<char, 1 << 16> buffer;                          // of all connections: filled and taken within one step
};

namespace {

class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(Server::Impl& server, tcp::socket socket) noexcept;
  ~Session();
  asio::awaitable<void> run();
  void drain();
  // Since when it waits for a request's first byte; nothing while it is of use.
  std::optional<Clock::time_point> idle_since() const;
  void leave();
  void write_now(const std::string& bytes);

 private:
  asio::awaitable<bool> exchange();
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
  std::optional<Clock::time_point> idle_since_;
  bool late_ = false, vetted_ = false, answered_ = false;
  std::size_t received_ = 0;
};

Session::Session(Server::Impl& server, tcp::socket socket) noexcept
    : server_(server), socket_(std::move(socket)), timer_(server.io), reader_(server.settings.read) {
  error_code gone;
  const auto peer = socket_.remote_endpoint(gone);
  if (!gone) peer_ = peer.address().to_string();
  socket_.non_blocking(true, gone);
  socket_.set_option(tcp::no_delay(true), gone);
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

std::optional<Clock::time_point> Session::idle_since() const {
  error_code gone;
  return socket_.available(gone) == 0 ? idle_since_ : std::nullopt;
}

// What waits on the socket then ends.
void Session::leave() {
  error_code ignored;
  socket_.close(ignored);
  idle_since_.reset();
}

// As far as the connection's buffer takes it.
void Session::write_now(const std::string& bytes) {
  error_code ignored;
  socket_.write_some(asio::buffer(bytes), ignored);
  socket_.shutdown(tcp::socket::shutdown_send, ignored);
}

// Reads what has come. False: the connection is over, or late.
asio::awaitable<bool> Session::more() {
  for (;;) {
    const auto [error] = co_await socket_.async_wait(tcp::socket::wait_read, kReport);
    if (error || late_) co_return false;
    idle_since_.reset();
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
  if (reader_.state() == empty) idle_since_ = begin_;
  const auto idle = server_.draining ? Clock::duration(kLastCall) : deadline / 2;
  due(begin_ + (reader_.state() == empty ? idle : deadline / 6));
  for (auto before = reader_.state(); reader_.state() != done; before = reader_.state()) {
    if (reader_.state() == bad) co_return true;
    if (reader_.state() == body && !vetted_) {
      if (!vet()) co_return true;
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
  const auto now = Clock::now();
  const auto reply = std::make_shared<Reply>(server_.context, now + server_.settings.deadline);
  {
    const Respond respond = reply->respond();
    try {
      reader_.request().arrived = now;
      server_.service.answer(std::move(reader_.request()), respond);
    } catch (const std::exception& error) {
      respond(internal_error(error));
    }
  }
  co_return co_await reply->wait();
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
  idle_since_ = Clock::time_point::min();
  due(Clock::now() + kLinger);
  for (;;) {
    const auto [error] = co_await socket_.async_wait(tcp::socket::wait_read, kReport);
    if (error || late_) break;
    error_code failed;
    if (socket_.read_some(asio::buffer(server_.buffer), failed) == 0 && failed != asio::error::would_block) break;
  }
}

// A request and its answer. False: the connection is over.
asio::awaitable<bool> Session::exchange() {
  exchange_ = {.peer = peer_}, refused_.reset(), vetted_ = answered_ = false;
  if (!co_await receive()) co_return false;
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
  const bool over =
      !whole || !keep_alive || body_refused ||
      (server_.draining && reader_.state() == RequestReader::State::empty && socket_.available(gone) == 0) ||
      begin_ > server_.last_answer;
  std::string bytes = to_bytes(response, !head, over ? "close" : old ? "keep-alive" : "");
  answered_ = true;
  const bool sent = co_await send(std::move(bytes));
  exchange_.seconds = std::chrono::duration<double>(Clock::now() - begin_).count();
  server_.service.record(exchange_);
  if (sent && over) co_await linger();
  co_return sent && !over;
}

// What is thrown here is want of memory. The connection ends then, not without an answer.
asio::awaitable<void> Session::run() {
  bool failed = false;
  try {
    while (co_await exchange()) {
    }
  } catch (const std::exception&) {
    failed = true;
  }
  timer_.cancel();
  if (failed && !answered_) write_now(server_.no_memory);
  if (failed) co_await linger();
}

}  // namespace

// The connection that has been idle for longest ends, for another one. False: none is idle.
bool Server::Impl::give_way() {
  Session* idlest = nullptr;
  auto longest = Clock::time_point::max();
  for (Session* session : sessions)
    if (const auto since = session->idle_since(); since && *since < longest) idlest = session, longest = *since;
  if (idlest) idlest->leave();
  return idlest != nullptr;
}

// A connection beyond the cap is told so.
void Server::Impl::begin(tcp::socket socket) {
  std::shared_ptr<Session> session;
  const bool full = sessions.size() >= settings.connections && !give_way();
  try {
    session = std::make_shared<Session>(*this, std::move(socket));
    if (full) return session->write_now(to_bytes(busy("too many connections; try again"), true, "close"));
    sessions.insert(session.get());
    service.connections(sessions.size());
    asio::co_spawn(
        io, [session]() -> asio::awaitable<void> { co_await session->run(); }, asio::detached);
  } catch (const std::exception&) {  // no memory
    if (session) session->write_now(no_memory);
  }
}

asio::awaitable<void> Server::Impl::accept(std::shared_ptr<void>) {
  while (acceptor.is_open()) {
    auto [error, socket] = co_await acceptor.async_accept(kReport);
    if (!error) {
      begin(std::move(socket));
    } else if (acceptor.is_open() && !(error == boost::system::errc::too_many_files_open && give_way())) {
      asio::steady_timer pause(io, 50ms);  // none is idle, or the client is gone already
      co_await pause.async_wait(kReport);
    }
  }
}

// False: everything is over. Want of memory may end what waits for connections, with an exception or without: it begins
// again then.
bool Server::Impl::step() {
  interrupted = false;
  io.restart();
  if (draining && acceptor.is_open()) drain();
  if (!draining && accepting.expired()) {
    io.run_for(10ms);  // may give memory back
    io.restart();
    const std::shared_ptr<void> token(nullptr, [this](void*) { interrupted = true, io.stop(); });
    accepting = token;
    asio::co_spawn(io, accept(token), asio::detached);
  }
  io.run();
  return interrupted;
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
  for (Session* session : sessions) session->drain();
}

Server::Server(const ServerSettings& settings, Service& service) : impl_(std::make_unique<Impl>(settings, service)) {
  impl_->settings.connections = std::min(settings.connections, connections_allowed());
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
    fail(Exit::network, fmt::format("cannot listen on --host {} --port {}: {}{}", settings.host, settings.port,
                                    error == boost::system::errc::address_not_available ? kNotOurs : error.message(),
                                    error == boost::system::errc::address_in_use ? "; --port 0 takes a free one" : ""));
  check_signals(impl_->io);
  // From here on a signal is not lost, and waits for run().
  for (const int signal : {SIGTERM, SIGINT}) impl_->stop_signals.add(signal);
  impl_->reload_signal.add(SIGHUP);
  mask_reloads(SIG_UNBLOCK);
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
    impl.reload_signal.async_wait(on_reload);
    impl.service.reload();
  };
  impl.reload_signal.async_wait(on_reload);
  for (bool over = false; !over;) {
    try {
      over = !impl.step();
    } catch (const std::exception&) {  // no memory: what it was for is over, everything else goes on
    }
  }
}

}  // namespace pc::serve
