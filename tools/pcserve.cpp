// pcserve: the predictions of a model over HTTP, and a page to try pictures on.
#include <fmt/format.h>
#include <malloc.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/system/system_error.hpp>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <mutex>
#include <new>
#include <system_error>
#include <utility>

#include "kernels/base/logger.h"
#include "kernels/base/parallel.h"
#include "tools/cli/hints.h"
#include "tools/cli/program.h"
#include "tools/cli/terminal.h"
#include "tools/cli/validators.h"
#include "tools/serve/answering.h"
#include "tools/serve/app.h"
#include "tools/serve/server.h"

namespace {

// Small pieces of memory are to be had even when there is no other, as some code that needs them has no way to fail: the
// destructor of a JSON value, for one. A stack of bytes, which begins anew when nothing in it is in use.
class Reserve {
 public:
  void* take(std::size_t size) noexcept {
    const std::lock_guard lock(mutex_);
    const std::size_t whole = (size + kAlign - 1) / kAlign * kAlign;
    if (size > kLargest || whole > sizeof bytes_ - used_) return nullptr;
    ++pieces_;
    return &bytes_[std::exchange(used_, used_ + whole)];
  }
  // False: it is not from here.
  bool give_back(void* piece) noexcept {
    if (std::less<>()(piece, &bytes_[0]) || !std::less<>()(piece, &bytes_[sizeof bytes_])) return false;
    const std::lock_guard lock(mutex_);
    if (--pieces_ == 0) used_ = 0;
    return true;
  }

 private:
  static constexpr std::size_t kLargest = 64 << 10, kAlign = alignof(std::max_align_t);
  alignas(kAlign) static std::byte bytes_[4 << 20];
  std::mutex mutex_;
  std::size_t used_ = 0, pieces_ = 0;
};
std::byte Reserve::bytes_[];
constinit Reserve reserve;

}  // namespace

void* operator new(std::size_t size) {
  if (void* piece = std::malloc(size)) return piece;
  if (void* piece = reserve.take(size)) return piece;
  throw std::bad_alloc();
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  void* piece = std::malloc(size);
  return piece ? piece : reserve.take(size);
}
void operator delete(void* piece) noexcept {
  if (!reserve.give_back(piece)) std::free(piece);
}
void operator delete(void* piece, std::size_t) noexcept { operator delete(piece); }

namespace pc::serve {
namespace {

struct Options {
  AppSettings app;
  ServerSettings server;
  std::string model, token_file;
  double max_delay_ms = 5;
  int deadline = 30;
};

void add_access_options(CLI::App& app, Options& o) {
  app.add_option("--token-file", o.token_file, "Require the bearer token in this file's first line")->type_name("FILE");
  app.add_option("--allow-host", o.app.access.hosts, "Further name that the Host header may hold, *: any; repeatable")
      ->type_name("NAME")
      ->allow_extra_args(false);
  app.add_option("--allow-origin,--origin", o.app.access.origins,
                 "Origin whose pages may post, such as https://shop.example, *: any; repeatable")
      ->type_name("URL")
      ->allow_extra_args(false);
}

bool parse(Options& o, int argc, char** argv) {
  CLI::App app("Serve predictions over HTTP: POST /v1/predict, KServe v2, and a page for the browser at /.", "pcserve");
  app.option_defaults()->group("Model");
  auto* model =
      app.add_option("--model,-m", o.model, "Model file; default: $PC_MODEL, else the latest runs/*/model.safetensors")
          ->type_name("FILE");
  app.add_option("MODEL", o.model, "The same as --model FILE")->excludes(model);
  app.add_option("--index", o.app.index, "Index of a catalog, made by pcindex, for similar products")
      ->type_name("FILE");
  app.add_option("--name", o.app.name, "The model's name in /v2/models/NAME; default: its run's or its file's")
      ->type_name("NAME");
  app.option_defaults()->group("Network");
  app.add_option("--host,--bind", o.server.host, "Address of this machine to listen on; 0.0.0.0: all")
      ->type_name("ADDRESS")
      ->capture_default_str();
  app.add_option("--port", o.server.port, "Port; 0: any free one, which is printed")
      ->capture_default_str()
      ->check(cli::between(0, 65535));
  add_access_options(app, o);
  app.option_defaults()->group("Device");
  app.add_option("--device", o.app.network.device, "Where the network runs")
      ->type_name("NAME")
      ->capture_default_str()
      ->check(cli::one_of({"cpu", "cuda"}));
  app.add_option("--precision", o.app.network.precision, "Type of the activations")
      ->type_name("TYPE")
      ->capture_default_str()
      ->check(cli::one_of({"f32", "bf16", "f16"}));
  app.add_option("--threads", o.app.network.threads,
                 "CPU threads of the network, and as many that decode; 0: one per core")
      ->capture_default_str()
      ->check(cli::between(0, 1024));
  app.option_defaults()->group("Batching and limits");
  app.add_option("--max-batch", o.app.batch.max_batch, "Images per pass of the network")
      ->capture_default_str()
      ->check(cli::between(1, 4096));
  app.add_option("--max-delay-ms", o.max_delay_ms, "Longest wait of an image for others to fill the batch")
      ->capture_default_str()
      ->check(cli::between(0.0, 10'000.0));
  app.add_option("--queue", o.app.batch.queue, "Images in work at once; further requests get 503")
      ->capture_default_str()
      ->check(cli::between(1, 1'000'000));
  app.add_option("--deadline", o.deadline,
                 "Seconds that a request may take to arrive (its header a sixth of that), and again to be answered")
      ->capture_default_str()
      ->check(cli::between(1, 3600));
  app.option_defaults()->group("Output");
  app.add_flag("--log", o.app.log, "Write a line per request to standard error");
  app.footer(
      "Examples:\n"
      "  pcserve -m model.safetensors --port 8080\n"
      "  curl -F image=@photo.jpg http://127.0.0.1:8080/v1/predict\n\n"
      "SIGTERM drains the requests and exits with 0; SIGHUP reloads the model.\n"
      "Other exit codes: 2 usage, 3 bad model, 4 file, 5 cannot bind the port.");
  cli::add_hints(app, {{"-p", "--port N is the port"},
                       {"--workers", "one process answers all requests, with --threads N"},
                       {"--token", "--token-file FILE holds the token, which a command line would show to everybody"},
                       {"--reload", "SIGHUP reloads the model"}});
  return cli::parse_command_line(app, argc, argv);
}

bool is_loopback(const std::string& address) { return address.starts_with("127.") || address == "::1"; }

Exit run(Options& o) {
  AppSettings& app = o.app;
  app.model = predict::chosen_model(o.model, "pcserve");
  if (app.name.empty()) app.name = model_name(app.model);
  app.batch.max_delay = std::chrono::microseconds(int64_t(1000 * o.max_delay_ms));
  app.batch.threads = app.network.threads;
  if (app.network.threads > 0) set_thread_count(app.network.threads);
  app.workers = thread_count();
  if (o.server.host == "localhost") o.server.host = "127.0.0.1";
  std::transform(app.access.hosts.begin(), app.access.hosts.end(), app.access.hosts.begin(), allowed_host);
  std::transform(app.access.origins.begin(), app.access.origins.end(), app.access.origins.begin(), allowed_origin);
  const bool v6 = o.server.host.find(':') != std::string::npos;
  const std::string host = v6 ? "[" + o.server.host + "]" : o.server.host;
  app.access.hosts.insert(app.access.hosts.end(), {"localhost", "127.0.0.1", "[::1]", host});
  app.access.any_address =
      !is_loopback(o.server.host);  // those it is reached by; a page has a name, which stays refused
  if (!o.token_file.empty()) app.access.token = read_token(o.token_file);
  o.server.deadline = app.batch.patience = std::chrono::seconds(o.deadline);

  App service(app);
  Server server(o.server, service);
  if (!is_loopback(o.server.host) && app.access.token.empty())
    kLog.line(o.server.host + " can be reached from other machines, without a token; see --token-file");
  if (cli::terminal_of(stderr).on) note("pcserve: serving {}; Ctrl-C stops it", app.model.string());
  fmt::print("http://{}:{}/\n", host, server.port());
  if (std::fflush(stdout) != 0)  // nobody would know where it listens
    fail(Exit::file, fmt::format("cannot write standard output: {}", std::strerror(errno)));
  server.run();
  return Exit::ok;
}

}  // namespace
}  // namespace pc::serve

int main(int argc, char** argv) {
  pc::serve::hold_reloads();
  // What a large body or picture took goes back to the system at once; glibc would come to keep up to 32 MB of each.
  mallopt(M_MMAP_THRESHOLD, 1 << 20);
  return pc::cli::run_program("pcserve", [&] {
    pc::serve::Options options;
    try {
      return pc::serve::parse(options, argc, argv) ? pc::serve::run(options) : pc::Exit::ok;
    } catch (const boost::system::system_error& error) {  // no std::system_error, for which exit codes are known
      throw std::system_error(error.code(), "cannot serve");
    }
  });
}
