// What the tests of pcdata fetch share: the server that misbehaves, and the program run against it.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/programs.h"
#include "tools/fetch/download.h"

namespace pc::test {

// fault_server.py on the loopback, for as long as this lives.
class FaultServer {
 public:
  FaultServer();
  ~FaultServer();
  FaultServer(const FaultServer&) = delete;
  FaultServer& operator=(const FaultServer&) = delete;

  // The base address that plays these faults; every call is a run of its own.
  std::string address(const std::string& faults, bool tls = false);
  std::string proxy() const;                                           // answers 407 to everything
  std::string version(int number) const;                               // the bytes of the file
  std::vector<nlohmann::json> log(const std::string& run = "") const;  // "": the run that address() named last
  std::string certificate() const;                                     // empty: no openssl here, no https side
  bool running() const { return http_ > 0; }

 private:
  TemporaryFolder folder_;
  pid_t process_ = -1;
  int stdin_ = -1, http_ = 0, https_ = 0, runs_ = 0;
};

#define PC_NEEDS_FAULT_SERVER(server) \
  if (!(server).running()) GTEST_SKIP() << "no /usr/bin/python3 for the fault server"

// pcdata with these arguments; of the environment only PATH, and what is given. Output goes to FOLDER/out and
// FOLDER/err.
inline pid_t start_pcdata(const std::filesystem::path& folder, const std::vector<std::string>& arguments,
                          const Environment& environment) {
  return start(folder, ".", "pcdata", arguments, &environment);
}

// Hooks that wait for nothing and remember what they were told.
struct QuietHooks {
  std::vector<std::string> notes;
  std::vector<double> pauses;
  bool stop = false;
  fetch::FetchHooks hooks();
};

}  // namespace pc::test
