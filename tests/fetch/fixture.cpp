#include "tests/fetch/fixture.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <sstream>

#include "kernels/base/file.h"

namespace pc::test {
namespace {

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> result;
  for (std::string& word : words) result.push_back(word.data());
  result.push_back(nullptr);
  return result;
}

// Valid for 127.0.0.1 and not for localhost.
bool make_certificate(const std::filesystem::path& folder) {
  return std::system(fmt::format("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=pc-test -addext "
                                 "subjectAltName=IP:127.0.0.1 -keyout {0}/key -out {0}/certificate >{0}/openssl 2>&1",
                                 folder.string())
                         .c_str()) == 0;
}

}  // namespace

FaultServer::FaultServer() {
  const bool tls = make_certificate(folder_.path());
  std::vector<std::string> words = {"/usr/bin/python3", PC_SOURCE_DIR "/tests/fetch/fault_server.py", folder_.path()};
  if (tls) words.insert(words.end(), {folder_ / "certificate", folder_ / "key"});
  int in[2], out[2];
  if (::pipe2(in, O_CLOEXEC) != 0 || ::pipe2(out, O_CLOEXEC) != 0) return;
  const auto argv = pointers(words);
  process_ = ::fork();
  if (process_ == 0) {
    ::dup2(in[0], STDIN_FILENO);
    ::dup2(out[1], STDOUT_FILENO);
    ::execv(argv[0], argv.data());
    ::_exit(127);
  }
  ::close(in[0]);
  ::close(out[1]);
  stdin_ = in[1];
  FILE* ports = ::fdopen(out[0], "r");
  if (std::fscanf(ports, "%d %d", &http_, &https_) != 2) http_ = 0;
  std::fclose(ports);
}

FaultServer::~FaultServer() {
  if (stdin_ >= 0) ::close(stdin_);
  if (process_ > 0) ::waitpid(process_, nullptr, 0);
}

std::string FaultServer::address(const std::string& faults, bool tls) {
  return fmt::format("{}://127.0.0.1:{}/{}/{}", tls ? "https" : "http", tls ? https_ : http_, ++runs_, faults);
}

std::string FaultServer::version(int number) const { return read_file(folder_ / std::to_string(number)); }

std::string FaultServer::proxy() const { return fmt::format("http://127.0.0.1:{}", http_); }

std::vector<nlohmann::json> FaultServer::log(const std::string& run) const {
  const std::string wanted = run.empty() ? std::to_string(runs_) : run;
  std::vector<nlohmann::json> requests;
  std::ifstream file(folder_ / "log");
  for (std::string line; std::getline(file, line);)
    if (auto request = nlohmann::json::parse(line); request["run"] == wanted) requests.push_back(request);
  return requests;
}

std::string FaultServer::certificate() const { return https_ ? (folder_ / "certificate").string() : ""; }

fetch::FetchHooks QuietHooks::hooks() {
  return {.progress = [](const char*, int64_t, int64_t) {},
          .note = [this](const std::string& line) { notes.push_back(line); },
          .stop = [this] { return stop; },
          .pause = [this](double seconds) { pauses.push_back(seconds); }};
}

}  // namespace pc::test
