// Downloads over libcurl from the server that misbehaves: every fault by name, then many at random.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "kernels/base/error.h"
#include "kernels/base/file.h"
#include "tests/fetch/fixture.h"
#include "tools/fetch/download.h"

namespace pc::fetch {
namespace {

using namespace test;

FaultServer& server() {
  static FaultServer s;
  return s;
}

class TransportTest : public testing::Test {
 protected:
  void SetUp() override { PC_NEEDS_FAULT_SERVER(server()); }

  // Downloads from this address; "identical" where the file is then one of the two versions.
  std::string run(const std::string& address) {
    folder_ = std::make_unique<TemporaryFolder>();
    quiet_ = {};
    const auto is_right = [](const std::filesystem::path& path) {
      const std::string bytes = read_file(path);
      return bytes == server().version(1) || bytes == server().version(2);
    };
    const Download job{.url = address + "/file",
                       .authorization = "",
                       .file = *folder_ / "file",
                       .limit = 2'000'000,
                       .spare = 0,
                       .check =
                           [&](const std::filesystem::path& part) {
                             if (!is_right(part)) fail(Exit::data, "not what was wanted");
                           },
                       .advice = [](int status) { return fmt::format("advice {}", status); }};
    const Transport transport = http_transport(patience_);
    const std::string error = error_of([&] { download(job, transport, quiet_.hooks()); });
    const bool there = std::filesystem::exists(job.file);
    EXPECT_EQ(there, error == "nothing") << error;
    if (there) {
      EXPECT_TRUE(is_right(job.file));
    }
    return there ? "identical" : error;
  }
  std::string play(const std::string& faults) { return run(server().address(faults)); }
  int64_t fetched_again() const {
    int64_t sum = 0;
    for (const auto& request : server().log()) sum += request["again"].get<int64_t>();
    return sum;
  }

  // A second of silence is enough where the server is silent on purpose; elsewhere the machine may be busy.
  static constexpr HttpPatience kImpatient{.connect = 30, .stall = 1, .slowest = 1024};
  HttpPatience patience_;
  std::unique_ptr<TemporaryFolder> folder_;
  QuietHooks quiet_;
};

TEST_F(TransportTest, EveryFaultOnceAndThenTheFile) {
  for (const char* faults : {"ok",
                             "cut:0,ok",
                             "cut:1,ok",
                             "cut:200000,cut:100000,ok",
                             "reset:300000,ok",
                             "ignore,ok",
                             "cut:100000,ignore,ok",
                             "cut:100000,ignore:5000,ok",
                             "cut:100000,start,ok",
                             "cut:100000,start,start,ok",
                             "cut:100000,total,ok",
                             "chunked,ok",
                             "chunked:100000,ok",
                             "cut:100000,chunked,ok",
                             "close,ok",
                             "close:100000,ok",
                             "long:1000,ok",
                             "less:1000,ok",
                             "cut:100000,less:1000,ok",
                             "garbage,ok",
                             "html,ok",
                             "500,502,503,504,408,ok",
                             "503:1,ok",
                             "429,ok",
                             "redirect,redirect,redirect,redirect,redirect,ok",
                             "elsewhere,ok",
                             "cut:100000,redirect,ok"})
    EXPECT_EQ(play(faults), "identical") << faults;
}

TEST_F(TransportTest, SilenceAndACrawlAreEndedByUs) {
  patience_ = kImpatient;
  for (const char* faults : {"stall:100000,ok", "stall:0,ok", "slow,ok"}) {
    EXPECT_EQ(play(faults), "identical") << faults;
    ASSERT_FALSE(quiet_.notes.empty());
    EXPECT_EQ(quiet_.notes[0].rfind("Operation too slow", 0), 0u) << faults << ": " << quiet_.notes[0];
  }
}

TEST_F(TransportTest, AChangedFileIsFetchedFromItsBeginning) {
  EXPECT_EQ(play("cut:100000,change,ok"), "identical");
  EXPECT_TRUE(read_file(*folder_ / "file") == server().version(2));
  EXPECT_EQ(server().log()[1]["from"], 100000);
  EXPECT_EQ(server().log()[1]["if_range"], "\"version-1\"");
}

TEST_F(TransportTest, EndlessBodiesEnd) {
  EXPECT_EQ(play("endless").substr(0, 2), "6:");
  // The declared size is taken of it, the check refuses that, and the next one declares none.
  EXPECT_EQ(play("cut:100000,endless").substr(0, 2), "6:");
}

TEST_F(TransportTest, FaultsThatStay) {
  const std::pair<const char*, const char*> cases[] = {
      {"401", "5: the server answers 401; advice 401"},
      {"403", "5: the server answers 403; advice 403"},
      {"404", "5: the server answers 404; advice 404"},
      {"429:3600", "5: the server answers 429; advice 429"},
      {"503", "5: the server answers 503; advice 503"},
      {"loop", "5: more than 5 redirects; advice 0"},
      {"html", "3: not what was wanted"},
  };
  for (const auto& [fault, error] : cases) {
    EXPECT_EQ(play(fault), error);
    EXPECT_EQ(server().log().size(), std::string(fault) == "503" || std::string(fault) == "loop" ? 6u
                                     : std::string(fault) == "html"                              ? 2u
                                                                                                 : 1u)
        << fault;
  }
  EXPECT_EQ(play("garbage").substr(0, 2), "5:");
  EXPECT_EQ(quiet_.pauses.size(), 5u);
}

TEST_F(TransportTest, ARefusedConnectionIsSaidAtOnce) {
  const std::string error = run("http://127.0.0.1:1");
  EXPECT_EQ(error.substr(0, 2), "5:") << error;
  EXPECT_TRUE(quiet_.pauses.empty());
}

TEST_F(TransportTest, TlsIsVerifiedAndNeverLeft) {
  if (server().certificate().empty()) GTEST_SKIP() << "no openssl to make a certificate";
  ::unsetenv("SSL_CERT_FILE");
  ::unsetenv("CURL_CA_BUNDLE");
  const std::string error = run(server().address("ok", true));
  EXPECT_HAS(error, "5: SSL certificate problem");
  EXPECT_TRUE(server().log().empty());
  for (const char* name : {"SSL_CERT_FILE", "CURL_CA_BUNDLE"}) {
    ::setenv(name, server().certificate().c_str(), 1);
    EXPECT_EQ(run(server().address("cut:100000,redirect,ok", true)), "identical");
    EXPECT_EQ(run(server().address("plain", true)), "5: the server redirects from https to plain http; advice 0");
    // The certificate is for 127.0.0.1 alone.
    EXPECT_HAS(run(server().address("elsewhere", true)), "5: SSL: no alternative certificate subject name");
    ::unsetenv(name);
  }
  ::setenv("SSL_CERT_FILE", "/no/such/file", 1);
  EXPECT_EQ(run(server().address("ok", true)).substr(0, 2), "5:");
  ::unsetenv("SSL_CERT_FILE");
}

TEST_F(TransportTest, AddressesThatAreNotFetched) {
  for (const char* url :
       {"https://host/x", "http://127.0.0.1:8/x", "http://127.9.9.9/", "http://localhost/", "http://[::1]:80/"})
    EXPECT_EQ(url_objection(url), "") << url;
  for (const char* url : {"", "nothing", "http://host/", "http://127.0.0.1.evil/", "http://localhost.evil/",
                          "http://10.0.0.1/", "http://128.0.0.1/", "ftp://127.0.0.1/", "file:///etc/passwd",
                          "https://user@host/", "https://:word@host/", "http://127.0.0.1@evil/", "https://"})
    EXPECT_NE(url_objection(url), "") << url;
}

// $PC_FETCH_DOWNLOADS for more than the short form.
TEST_F(TransportTest, RandomFaultsEndInTheFileOrTheRightError) {
  const char* more = std::getenv("PC_FETCH_DOWNLOADS");
  const int downloads = more ? std::atoi(more) : 200;
  const int64_t size = int64_t(server().version(1).size());
  std::mt19937 random(20231130);
  const auto below = [&](int64_t n) { return std::uniform_int_distribution<int64_t>(0, n - 1)(random); };
  // Those with a ':' take a number of bytes. A stall costs a second, so there is one in a hundred downloads.
  const std::vector<std::string> faults = {
      "cut:",  "cut:", "cut:", "cut:", "ignore:", "chunked:", "close:",    "start",  "total", "garbage", "html",
      "less:", "500",  "503",  "429",  "408",     "redirect", "elsewhere", "reset:", "long:", "change"};
  int64_t again = 0, identical = 0;
  for (int i = 0; i < downloads; ++i) {
    std::string script;
    for (int64_t n = below(7); n > 0; --n) {
      std::string fault = faults[std::size_t(below(int64_t(faults.size())))];
      if (fault.ends_with(":")) fault += std::to_string(below(fault == "long:" || fault == "less:" ? 5000 : size));
      script += fault + ",";
    }
    patience_ = i % 100 == 50 ? kImpatient : HttpPatience{};
    if (i % 100 == 50) script += "stall:1000,";
    const std::string last[] = {"404", "403", "503", "loop"};
    const std::string end = i % 10 == 7 ? last[below(4)] : "ok";
    const std::string result = play(script + end);
    identical += result == "identical";
    // Damage is right where an answer was well-formed and wrong; the network, where the script ends in an error or had
    // six answers in a row that brought nothing.
    const auto had = [&](const char* fault) { return script.find(fault) != script.npos; };
    const bool right = result == "identical" ||
                       (result.starts_with("3: ") && (had("html") || had("close") || had("less"))) ||
                       (result.starts_with("5: ") && (end != "ok" || quiet_.pauses.size() >= 5));
    EXPECT_TRUE(right) << script << end << ": " << result;
    again += fetched_again();
  }
  fmt::print("{} downloads, {} identical, {} bytes fetched again\n", downloads, identical, again);
  EXPECT_GT(identical, downloads * 3 / 4);
  EXPECT_LE(again, downloads * size / 100);
}

}  // namespace
}  // namespace pc::fetch
