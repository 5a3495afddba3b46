// pcdata fetch as people run it: results, messages, exit codes, kills, and where a token goes.
#include "tools/fetch/fetch.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <random>
#include <thread>

#include "kernels/base/error.h"
#include "kernels/base/file.h"
#include "kernels/base/sha256.h"
#include "tests/fetch/fixture.h"
#include "tools/weights/weights.h"

namespace pc::fetch {
namespace {

using namespace test;
using namespace std::chrono_literals;

constexpr const char* kName = "fashion-product-images-small";
constexpr const char* kCanary = "KGAT_canary4711";

FaultServer& server() {
  static FaultServer s;
  return s;
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != text.npos; }

// Until it holds; a busy machine may take long to get there.
template <typename Condition>
void wait_until(const Condition& holds) {
  for (int i = 0; i < 30'000 && !holds(); ++i) std::this_thread::sleep_for(2ms);
}

bool has_ended(pid_t process) {
  siginfo_t info{};
  return ::waitid(P_PID, id_t(process), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == process;
}

class PcdataFetch : public testing::Test {
 protected:
  void SetUp() override { PC_NEEDS_FAULT_SERVER(server()); }

  pid_t start(const std::string& address, Environment more = {}) {
    more["PC_KAGGLE_URL"] = address;
    return start_pcdata(logs_.path(), {"fetch", kName, folder_.path()}, more);
  }
  Outcome run(const std::string& address, const Environment& more = {}) {
    return wait_for(start(address, more), logs_.path());
  }
  Outcome play(const std::string& faults, const Environment& more = {}) { return run(server().address(faults), more); }

  std::filesystem::path zip() const { return folder_ / (std::string(kName) + ".zip"); }
  std::filesystem::path part() const { return zip().string() + ".part"; }
  int64_t part_bytes() const {
    std::error_code absent;
    const auto size = std::filesystem::file_size(part(), absent);
    return absent ? 0 : int64_t(size);
  }
  void expect_whole(int version = 1) {
    ASSERT_TRUE(std::filesystem::exists(zip()));
    EXPECT_TRUE(read_file(zip()) == server().version(version));
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_.path()), {}), 1) << "something was left behind";
  }

  TemporaryFolder folder_, logs_;
};

TEST_F(PcdataFetch, PrintsThePathAndIsDoneTheSecondTime) {
  Outcome e = play("ok");
  EXPECT_EQ(e.code, 0) << e.err;
  EXPECT_EQ(e.out, zip().string() + "\n");
  expect_whole();
  e = play("404");
  EXPECT_EQ(e.code, 0) << e.err;
  EXPECT_EQ(e.out, zip().string() + "\n");
  EXPECT_EQ(e.err, fmt::format("pcdata: {}: already there\n", kName));
  EXPECT_TRUE(server().log().empty());
}

TEST_F(PcdataFetch, TheDefaultFolderIsTheCache) {
  Environment environment = {{"XDG_CACHE_HOME", folder_.path()}, {"PC_KAGGLE_URL", server().address("ok")}};
  Outcome e = wait_for(start_pcdata(logs_.path(), {"fetch", kName}, environment), logs_.path());
  EXPECT_EQ(e.code, 0) << e.err;
  EXPECT_EQ(e.out, fmt::format("{}/pc/{}.zip\n", folder_.path().string(), kName));
  e = wait_for(start_pcdata(logs_.path(), {"fetch", "--list"}, environment), logs_.path());
  EXPECT_EQ(e.code, 0) << e.err;
  EXPECT_HAS(e.out, "already there: " + (folder_ / "pc" / kName).string() + ".zip");
  for (const char* text : {"resnet18 ", "resnet101 ", "not there yet", "MIT as declared on Kaggle", "BSD-3-Clause",
                           "https://download.pytorch.org/models/resnet50-0676ba61.pth"})
    EXPECT_HAS(e.out, text) << text;
}

TEST_F(PcdataFetch, OneLineThatSaysTheWayOutAndItsExitCode) {
  struct Case {
    std::string address;
    int code;
    std::vector<std::string> texts;
  };
  const std::string page = "https://www.kaggle.com/datasets/paramaggarwal/fashion-product-images-small";
  const Case cases[] = {
      {server().address("401"), 5, {"answers 401", page, "kaggle.json", "KAGGLE_API_TOKEN"}},
      {server().address("403"), 5, {"answers 403", "accept the rules", page}},
      {server().address("404"), 5, {"answers 404", "PC_KAGGLE_URL", "by hand", zip().string()}},
      {server().address("429:3600"), 5, {"answers 429", "in an hour"}},
      {server().address("503:3600"), 5, {"answers 503", "later"}},
      {server().address("loop"), 5, {"more than 5 redirects"}},
      {server().address("html"), 3, {"not a zip archive", "a web page was saved in its place"}},
      {server().address("close:100000"), 3, {"truncated: ", "download it again"}},
      {"http://127.0.0.1:1", 5, {"download " + page + " by hand, put it at " + zip().string()}},
      {"http://example.com", 2, {"PC_KAGGLE_URL: neither https nor http"}},
      {"https://user:word@example.com", 2, {"PC_KAGGLE_URL: a name or password"}},
  };
  for (const auto& [address, code, texts] : cases) {
    const Outcome e = run(address);
    EXPECT_EQ(e.code, code) << address << e.err;
    EXPECT_EQ(e.out, "");
    const std::string last = e.err.substr(e.err.rfind('\n', e.err.size() - 2) + 1);
    for (const std::string& text : texts) EXPECT_HAS(last, text) << text << " in " << last;
    EXPECT_LACKS(e.err, "user:word");
    EXPECT_TRUE(std::filesystem::is_empty(folder_.path())) << address;
  }
  for (const auto& arguments :
       std::vector<std::vector<std::string>>{{"fetch"}, {"fetch", "resnet19"}, {"fetch", "--nonsense"}})
    EXPECT_EQ(wait_for(start_pcdata(logs_.path(), arguments, {}), logs_.path()).code, 2);
  const Outcome e = wait_for(start_pcdata(logs_.path(), {"fetch", kName, "/proc/none"}, {}), logs_.path());
  EXPECT_EQ(e.code, 4) << e.err;
}

TEST_F(PcdataFetch, ADamagedMemberIsNamedAndNothingKeepsItsName) {
  // Stored members: a changed byte of a picture leaves the directory as it is.
  std::string bytes = server().version(1);
  bytes[bytes.size() / 2] = char(bytes[bytes.size() / 2] ^ 1);
  const std::string address = server().address("ok");
  write_file_atomically(part(), bytes);
  write_file_atomically(part().string() + ".json",
                        nlohmann::json{{"url", address + "/api/v1/datasets/download/paramaggarwal/" + kName},
                                       {"etag", "\"version-1\""},
                                       {"total", bytes.size()}}
                            .dump());
  const Outcome e = run(address);
  EXPECT_EQ(e.code, 0) << e.err;  // from the start, once
  EXPECT_HAS(e.err, "images/");
  EXPECT_TRUE(contains(e.err, "damaged in the archive (CRC-32 ")) << e.err;
  EXPECT_HAS(e.err, "; starting over") << e.err;
  expect_whole();
}

TEST_F(PcdataFetch, TheTokenGoesToTheFirstHostAndNowhereElse) {
  const std::string basic = "user:canary4711", encoded = "dXNlcjpjYW5hcnk0NzEx";
  const Environment tokens[] = {{{"KAGGLE_API_TOKEN", kCanary}},
                                {{"KAGGLE_USERNAME", "user"}, {"KAGGLE_KEY", "canary4711"}},
                                {{"KAGGLE_CONFIG_DIR", logs_.path()}}};
  write_file_atomically(logs_ / "kaggle.json", R"({"username": "user", "key": "canary4711"})");
  ::chmod((logs_ / "kaggle.json").c_str(), 0600);
  for (const Environment& token : tokens) {
    for (const char* faults : {"elsewhere,drip", "redirect,elsewhere,cut:100000,elsewhere,ok", "403", "cut:1000,404",
                               "html", "garbage,404"}) {
      const pid_t process = start(server().address(faults), token);
      const auto command_line = fmt::format("/proc/{}/cmdline", process);
      std::string arguments;  // of the child, which a busy machine may take a while to turn into pcdata
      wait_until([&] {
        std::ifstream file(command_line);
        std::getline(file, arguments);  // none at the very moment of exec(2), too
        return contains(arguments, "pcdata") || has_ended(process);
      });
      if (contains(faults, "drip")) {
        EXPECT_HAS(arguments, "pcdata") << "too late to read it";
      }
      const Outcome e = wait_for(process, logs_.path());
      std::string seen = arguments + e.out + e.err;
      for (const auto& file : std::filesystem::directory_iterator(folder_.path())) seen += read_file(file.path());
      EXPECT_FALSE(contains(seen, "canary4711") || contains(seen, encoded)) << seen;
      for (const auto& request : server().log()) {
        const std::string sent = request["authorization"];
        const bool first = contains(request["host"], "127.0.0.1");
        EXPECT_EQ(
            sent,
            first ? (token.contains("KAGGLE_API_TOKEN") ? fmt::format("Bearer {}", kCanary) : "Basic " + encoded) : "")
            << faults;
        EXPECT_LACKS(request["url"].get<std::string>(), "canary");
      }
      EXPECT_FALSE(server().log().empty());
      for (const auto& file : {zip(), part(), std::filesystem::path(part().string() + ".json")})
        std::filesystem::remove(file);
    }
  }
}

TEST_F(PcdataFetch, TheProxyIsAskedAndToldNoToken) {
  const Outcome e = wait_for(start_pcdata(logs_.path(), {"fetch", kName, folder_.path()},
                                          {{"https_proxy", server().proxy()}, {"KAGGLE_API_TOKEN", kCanary}}),
                             logs_.path());
  EXPECT_EQ(e.code, 5) << e.err;
  EXPECT_HAS(e.err, "the proxy answers 407; the proxy requires a name and a password: https_proxy=") << e.err;
  EXPECT_FALSE(server().log("proxy").empty());
  for (const auto& request : server().log("proxy")) {
    EXPECT_EQ(request["host"], "www.kaggle.com:443");
    EXPECT_EQ(std::count(request["headers"].begin(), request["headers"].end(), "authorization"), 0);
  }
}

TEST_F(PcdataFetch, AStopKeepsWhatCameAndTheSameCommandGoesOn) {
  for (const int signal : {SIGTERM, SIGINT}) {
    const std::string address = server().address("stall:200000,ok");
    const pid_t process = start(address);
    wait_until([&] { return part_bytes() >= 200000; });
    ::kill(process, signal);
    const Outcome e = wait_for(process, logs_.path());
    EXPECT_EQ(e.code, 75) << e.err;
    EXPECT_TRUE(contains(e.err, "stopped; 200000 bytes are kept in " + part().string() + ", the same command goes on"))
        << e.err;
    EXPECT_EQ(part_bytes(), 200000);
    EXPECT_EQ(run(address).code, 0);
    EXPECT_EQ(server().log()[1]["from"], 200000);
    expect_whole();
    std::filesystem::remove(zip());
  }
}

// $PC_FETCH_KILLS for more than the short form.
TEST_F(PcdataFetch, KilledAtRandomMomentsNothingIsLost) {
  const char* more = std::getenv("PC_FETCH_KILLS");
  const int kills = more ? std::atoi(more) : 50;
  std::mt19937 random(75);
  int killed = 0, finished = 0, resumed = 0;
  std::string address = server().address("drip");
  for (int run = 0; killed < kills && run < 20 * kills; ++run) {
    const int64_t before = part_bytes();
    const std::size_t requests = server().log().size();
    const pid_t process = start(address);
    // Every second one at a moment of its transfer, however long a busy machine takes to begin it.
    if (run % 2 == 1) wait_until([&] { return part_bytes() > before || std::filesystem::exists(zip()); });
    std::this_thread::sleep_for(std::chrono::microseconds(std::uniform_int_distribution(0, 150'000)(random)));
    ::kill(process, SIGKILL);
    const Outcome e = wait_for(process, logs_.path());
    const auto log = server().log();
    if (log.size() > requests) {
      EXPECT_EQ(log[requests]["from"], before) << "bytes that were here were asked for again";
      resumed += before > 0;
    }
    EXPECT_GE(std::max(part_bytes(), std::filesystem::exists(zip()) ? before : 0), before);
    if (e.code == 128 + SIGKILL) {
      ++killed;
      EXPECT_EQ(std::filesystem::exists(zip()) && part_bytes() > 0, false);
      if (!std::filesystem::exists(zip())) continue;
    }
    EXPECT_TRUE(e.code == 0 || e.code == 128 + SIGKILL) << e.err;
    EXPECT_TRUE(read_file(zip()) == server().version(1));
    ++finished;
    std::filesystem::remove(zip());
    address = server().address("drip");
  }
  EXPECT_EQ(wait_for(start(address), logs_.path()).code, 0);
  expect_whole();
  fmt::print("{} kills, {} files finished between them, {} resumed requests\n", killed, finished, resumed);
  EXPECT_EQ(killed, kills);
  EXPECT_GT(resumed, kills / 4);
}

TEST_F(PcdataFetch, TwoAtOnceDoNotMix) {
  const std::string address = server().address("drip");
  const pid_t first = start(address);
  wait_until([&] { return part_bytes() > 0; });
  ::kill(first, SIGSTOP);  // however long the second takes to begin, the first is at work
  const TemporaryFolder logs;
  const Outcome second =
      wait_for(start_pcdata(logs.path(), {"fetch", kName, folder_.path()}, {{"PC_KAGGLE_URL", address}}), logs.path());
  EXPECT_EQ(second.code, 4) << second.err;
  EXPECT_HAS(second.err, "is being fetched by another pcdata");
  ::kill(first, SIGCONT);
  EXPECT_EQ(wait_for(first, logs_.path()).code, 0);
  expect_whole();
}

// The published weights are too large for a test, so a small file stands for them.
class FetchWeights : public testing::Test {
 protected:
  FetchWeights() : bytes_(read_file(PC_SOURCE_DIR "/tests/weights/golden/one.pth")) {
    item_.sha256 = sha256_hex(std::as_bytes(std::span(bytes_)));
    item_.download = "net-" + item_.sha256.substr(0, 8) + ".pth";
  }
  std::filesystem::path fetch_it(bool keep) {
    const Transport transport = [&](const HttpRequest& request, const HttpReceiver& receiver) {
      ++requests_;
      EXPECT_EQ(request.authorization, "");
      const HttpHead head{.status = 200, .length = int64_t(bytes_.size())};
      if (receiver.head(head)) receiver.body(bytes_.data(), bytes_.size());
      return HttpAnswer{.end = HttpEnd::complete, .head = head, .problem = ""};
    };
    return fetch(item_, {.folder = folder_.path(), .authorization = [] { return ""; }, .keep = keep}, transport,
                 quiet_.hooks());
  }

  std::string bytes_;
  FetchItem item_{.name = "net",
                  .host = Host::pytorch,
                  .path = "net.pth",
                  .download = "",
                  .result = "net.safetensors",
                  .sha256 = "",
                  .bytes = 100'000,
                  .license = "none"};
  TemporaryFolder folder_;
  QuietHooks quiet_;
  int requests_ = 0;
};

TEST_F(FetchWeights, AreConvertedAndThePublishedFileGoes) {
  EXPECT_EQ(fetch_it(false), folder_ / "net.safetensors");
  EXPECT_EQ(weights::read_weights(folder_ / "net.safetensors").file.metadata.at("format"), "pt");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_.path()), {}), 1);
  fetch_it(false);
  EXPECT_EQ(requests_, 1);
}

TEST_F(FetchWeights, KeepKeepsIt) {
  fetch_it(true);
  EXPECT_TRUE(read_file(folder_ / item_.download) == bytes_);
}

TEST_F(FetchWeights, OnePutThereByHandIsConvertedWithoutARequest) {
  write_file_atomically(folder_ / item_.download, bytes_);
  fetch_it(false);
  EXPECT_EQ(requests_, 0);
  EXPECT_TRUE(std::filesystem::exists(folder_ / "net.safetensors"));
}

TEST_F(FetchWeights, AnotherFileIsRefused) {
  item_.sha256[40] ^= 1;  // beyond the digits in the name
  const std::string error = error_of([&] { fetch_it(false); });
  EXPECT_TRUE(contains(error, "3: ") && contains(error, "the server sent another file")) << error;
  EXPECT_EQ(requests_, 2);
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path()));
}

}  // namespace
}  // namespace pc::fetch
