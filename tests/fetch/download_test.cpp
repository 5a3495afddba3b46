// The state machine of a download against scripted answers, without any network.
#include "tools/fetch/download.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <limits>

#include "kernels/base/error.h"
#include "kernels/base/file.h"
#include "tests/fetch/fixture.h"

namespace pc::fetch {
namespace {

using namespace test;

constexpr const char* kUrl = "https://host/file";

// Plays answers one by one and remembers the requests.
struct Script {
  std::vector<std::function<HttpAnswer(const HttpRequest&, const HttpReceiver&)>> answers;
  std::vector<HttpRequest> requests;

  Transport transport() {
    return [this](const HttpRequest& request, const HttpReceiver& receiver) {
      requests.push_back(request);
      if (requests.size() > answers.size()) return HttpAnswer{.end = HttpEnd::broken, .head = {}, .problem = "silence"};
      return answers[requests.size() - 1](request, receiver);
    };
  }
};

auto answer(const HttpHead& head, const std::string& body, HttpEnd end = HttpEnd::complete) {
  return [=](const HttpRequest&, const HttpReceiver& receiver) {
    HttpAnswer a{.end = end, .head = head, .problem = end == HttpEnd::broken ? "the line broke" : ""};
    if (!receiver.head(head) || (!body.empty() && !receiver.body(body.data(), body.size()))) a.end = HttpEnd::cut;
    return a;
  };
}

auto failure(HttpEnd end) {
  return
      [=](const HttpRequest&, const HttpReceiver&) { return HttpAnswer{.end = end, .head = {}, .problem = "no way"}; };
}

HttpHead whole(int64_t length, const std::string& etag = "\"a\"") {
  return {.status = 200, .length = length, .etag = etag};
}

HttpHead rest(const std::string& range, const std::string& etag = "\"a\"") {
  return {.status = 206, .length = -1, .etag = etag, .content_range = range};
}

class DownloadTest : public testing::Test {
 protected:
  std::string run(const std::string& wanted, const std::string& url = kUrl) {
    const Download job{.url = url,
                       .authorization = "",
                       .file = file(),
                       .limit = limit_,
                       .spare = 0,
                       .check =
                           [&](const std::filesystem::path& part) {
                             if (read_file(part) != wanted) fail(Exit::data, "not what was wanted");
                           },
                       .advice = [](int status) { return fmt::format("advice for {}", status); }};
    const Transport transport = script_.transport();
    return error_of([&] { download(job, transport, quiet_.hooks()); });
  }
  std::filesystem::path file() const { return folder_ / "file"; }
  std::string part() const {
    return std::filesystem::exists(folder_ / "file.part") ? read_file(folder_ / "file.part") : "-";
  }
  nlohmann::json state() const { return nlohmann::json::parse(read_file(folder_ / "file.part.json")); }
  void expect_done(const std::string& bytes) {
    ASSERT_TRUE(std::filesystem::exists(file()));
    EXPECT_TRUE(read_file(file()) == bytes);
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_.path()), {}), 1) << "something was left behind";
  }

  TemporaryFolder folder_;
  Script script_;
  QuietHooks quiet_;
  int64_t limit_ = 1000;
};

TEST_F(DownloadTest, AWholeFileInOneAnswer) {
  script_.answers = {answer(whole(6), "abcdef")};
  EXPECT_EQ(run("abcdef"), "nothing");
  EXPECT_EQ(script_.requests[0].from, 0);
  EXPECT_EQ(script_.requests[0].if_range, "");
  expect_done("abcdef");
}

TEST_F(DownloadTest, GoesOnWithRangeAndIfRange) {
  script_.answers = {answer(whole(6), "abc", HttpEnd::broken), answer(rest("bytes 3-5/6"), "def")};
  EXPECT_EQ(run("abcdef"), "nothing");
  EXPECT_EQ(script_.requests[1].from, 3);
  EXPECT_EQ(script_.requests[1].if_range, "\"a\"");
  expect_done("abcdef");
}

TEST_F(DownloadTest, GoesOnInTheNextProcess) {
  script_.answers = {answer(whole(6), "abc", HttpEnd::broken), failure(HttpEnd::refused)};
  EXPECT_EQ(
      run("abcdef"),
      fmt::format("5: no way; 3 bytes are kept in {0}.part, the same command goes on; advice for 0", file().string()));
  EXPECT_EQ(part(), "abc");
  EXPECT_EQ(state(),
            nlohmann::json::parse(R"({"url": "https://host/file", "etag": "\"a\"", "last_modified": "", "total": 6})"));
  script_ = {.answers = {answer(rest("bytes 3-5/6"), "def")}, .requests = {}};
  EXPECT_EQ(run("abcdef"), "nothing");
  EXPECT_EQ(script_.requests[0].from, 3);
  expect_done("abcdef");
}

TEST_F(DownloadTest, ACompletePartNeedsNoRequest) {
  write_file_atomically(folder_ / "file.part", "abcdef");
  write_file_atomically(folder_ / "file.part.json", R"({"url": "https://host/file", "etag": "\"a\"", "total": 6})");
  EXPECT_EQ(run("abcdef"), "nothing");
  EXPECT_TRUE(script_.requests.empty());
  expect_done("abcdef");
}

TEST_F(DownloadTest, APartOfSomethingElseIsDropped) {
  for (const char* text :
       {"", "{", "[1]", "17", R"({"url": 3, "etag": "\"a\""})", R"({"url": "https://other/file", "etag": "\"a\""})",
        R"({"url": "https://host/file", "etag": "\"a\"", "total": 2})"}) {
    write_file_atomically(folder_ / "file.part", "xyz");
    write_file_atomically(folder_ / "file.part.json", text);
    script_ = {.answers = {answer(whole(6), "abcdef")}, .requests = {}};
    EXPECT_EQ(run("abcdef"), "nothing") << text;
    EXPECT_EQ(script_.requests[0].from, 0) << text;
    expect_done("abcdef");
    std::filesystem::remove(file());
  }
}

TEST_F(DownloadTest, AWeakValidatorIsNoneAndTheDateServes) {
  HttpHead head = whole(6, "W/\"a\"");
  script_.answers = {answer(head, "abc", HttpEnd::broken), answer(head, "abcdef")};
  EXPECT_EQ(run("abcdef"), "nothing");
  EXPECT_EQ(script_.requests[1].from, 0);

  std::filesystem::remove(file());
  head.last_modified = "Mon, 02 Jan 2023 03:04:05 GMT";
  script_ = {.answers = {answer(head, "abc", HttpEnd::broken), answer(rest("bytes 3-5/6", "W/\"a\""), "def")},
             .requests = {}};
  EXPECT_EQ(run("abcdef"), "nothing");
  EXPECT_EQ(script_.requests[1].if_range, head.last_modified);
  expect_done("abcdef");
}

TEST_F(DownloadTest, TwoHundredToARangeBeginsAnew) {
  script_.answers = {answer(whole(6), "abc", HttpEnd::broken), answer(whole(6), "abcdef")};
  EXPECT_EQ(run("abcdef"), "nothing");
  EXPECT_EQ(quiet_.notes.back(), "the server sends the whole file again; starting over");
  expect_done("abcdef");
}

TEST_F(DownloadTest, AChangedFileBeginsAnewWithAMessage) {
  script_.answers = {answer(whole(6), "abc", HttpEnd::broken), answer(whole(4, "\"b\""), "wxyz")};
  EXPECT_EQ(run("wxyz"), "nothing");
  EXPECT_EQ(quiet_.notes.back(), "the file on the server has changed; starting over");
  expect_done("wxyz");
}

TEST_F(DownloadTest, APartialAnswerMustFitTheBytesThatAreHere) {
  for (const auto& [head, from] : std::vector<std::pair<HttpHead, int>>{{rest("bytes 2-5/6"), 3},
                                                                        {rest("bytes 4-5/6"), 3},
                                                                        {rest("bytes 3-5/*"), 3},
                                                                        {rest("bytes 3-9/6"), 3},
                                                                        {rest("bytes 5-3/6"), 3},
                                                                        {rest("bytes=3-5/6"), 3},
                                                                        {rest("bytes 3-5/6 "), 3},
                                                                        {rest("bytes -3-5/6"), 3},
                                                                        {rest("bytes 99999999999999999999-5/6"), 3},
                                                                        {rest("bytes */6"), 3},
                                                                        {rest(""), 3},
                                                                        {rest("bytes 3-6/7"), 0},
                                                                        {rest("bytes 3-5/6", "\"b\""), 0}}) {
    script_ = {.answers = {answer(whole(6), "abc", HttpEnd::broken), answer(head, "XXX"),
                           from == 3 ? answer(rest("bytes 3-5/6"), "def") : answer(whole(6), "abcdef")},
               .requests = {}};
    EXPECT_EQ(run("abcdef"), "nothing") << head.content_range;
    EXPECT_EQ(script_.requests[2].from, from) << head.content_range;
    expect_done("abcdef");
    std::filesystem::remove(file());
  }
}

TEST_F(DownloadTest, TwoWrongRangesBeginAnew) {
  script_.answers = {answer(whole(6), "abc", HttpEnd::broken), answer(rest("bytes 0-5/6"), "abc"),
                     answer(rest("bytes 0-5/6"), "abc"), answer(whole(6), "abcdef")};
  EXPECT_EQ(run("abcdef"), "nothing");
  EXPECT_EQ(script_.requests[3].from, 0);
}

TEST_F(DownloadTest, APartialAnswerNobodyAskedForIsNotTaken) {
  script_.answers = {answer(rest("bytes 0-2/6"), "abc"), answer(whole(6), "abcdef")};
  EXPECT_EQ(run("abcdef"), "nothing");
}

TEST_F(DownloadTest, FourHundredSixteenVerifiesTheSize) {
  const auto beyond = [](const char* range) { return HttpHead{.status = 416, .length = 0, .content_range = range}; };
  // No length was said, so only the server knows that this was all.
  script_.answers = {answer(whole(-1), "abcdef", HttpEnd::broken), answer(beyond("bytes */6"), "")};
  EXPECT_EQ(run("abcdef"), "nothing");
  expect_done("abcdef");

  std::filesystem::remove(file());
  for (const char* range : {"bytes */9", "", "bytes 0-5/6x"}) {
    script_ = {
        .answers = {answer(whole(-1), "abcdef", HttpEnd::broken), answer(beyond(range), ""), answer(whole(3), "xyz")},
        .requests = {}};
    EXPECT_EQ(run("xyz"), "nothing") << range;
    EXPECT_EQ(quiet_.notes.back().rfind("the file on the server has another size; starting over", 0), 0u);
    EXPECT_EQ(script_.requests[2].from, 0);
    std::filesystem::remove(file());
  }
}

TEST_F(DownloadTest, ALyingLengthIsNotBelieved) {
  script_.answers = {answer(whole(9), "abcdef", HttpEnd::broken),
                     answer({.status = 416, .content_range = "bytes */6"}, "")};
  EXPECT_EQ(run("abcdef"), "nothing");  // too long
  std::filesystem::remove(file());
  script_ = {.answers = {answer(whole(3), "abc"), answer(whole(6), "abcdef")}, .requests = {}};
  EXPECT_EQ(run("abcdef"), "nothing");  // too short: the check notices
  std::filesystem::remove(file());
  script_ = {.answers = {answer(whole(3), "abcdef"), answer(whole(6), "abcdef")}, .requests = {}};
  EXPECT_EQ(run("abcdef"), "nothing");  // more than declared
  expect_done("abcdef");
}

TEST_F(DownloadTest, TheLimitHoldsWithAndWithoutALength) {
  limit_ = 5;
  for (const int64_t length : {int64_t(6), std::numeric_limits<int64_t>::max(), int64_t(-1)}) {
    script_ = {.answers = {answer(whole(length), "abcdef")}, .requests = {}};
    const std::string error = run("abcdef");
    EXPECT_EQ(error.rfind("6: ", 0), 0u) << error;
    EXPECT_EQ(part(), "-");
  }
}

TEST_F(DownloadTest, FreeSpaceIsCheckedBeforeTheFirstByte) {
  limit_ = std::numeric_limits<int64_t>::max();
  script_.answers = {answer(whole(int64_t(1) << 60), "abcdef")};
  const std::string error = run("abcdef");
  EXPECT_HAS(error, "4: ");
  EXPECT_HAS(error, "bytes are needed, the disk has room for");
  EXPECT_EQ(part(), "-");
}

TEST_F(DownloadTest, FiveRetriesThatDouble) {
  script_.answers = {answer(whole(6), "abc", HttpEnd::broken)};
  const std::string error = run("abcdef");
  EXPECT_EQ(error.rfind("5: silence; 3 bytes are kept in ", 0), 0u) << error;
  EXPECT_EQ(script_.requests.size(), 1u + 5u);
  ASSERT_EQ(quiet_.pauses.size(), 5u);
  for (int i = 0; i < 5; ++i) {
    EXPECT_GE(quiet_.pauses[std::size_t(i)], 1 << i);
    EXPECT_LE(quiet_.pauses[std::size_t(i)], 1.25 * (1 << i));
  }
  EXPECT_EQ(part(), "abc");
}

TEST_F(DownloadTest, ProgressBeginsTheRetriesAgain) {
  script_.answers = {answer(whole(40), "x", HttpEnd::broken)};
  for (int i = 1; i < 40; ++i)
    script_.answers.push_back(answer(rest(fmt::format("bytes {}-39/40", i)), "x", HttpEnd::broken));
  EXPECT_EQ(run(std::string(40, 'x')), "nothing");
  for (const double pause : quiet_.pauses) EXPECT_LE(pause, 1.25);
}

TEST_F(DownloadTest, AServerThatBeginsAnewForEverIsGivenUp) {
  for (int i = 0; i < 50; ++i) script_.answers.push_back(answer(whole(6), "abc", HttpEnd::broken));
  EXPECT_EQ(run("abcdef").substr(0, 16), "5: the line brok");
  EXPECT_EQ(script_.requests.size(), 6u);
}

TEST_F(DownloadTest, RetryAfterIsHonoredUpToTwoMinutes) {
  script_.answers = {answer({.status = 503, .retry_after = 90}, ""), answer(whole(6), "abcdef")};
  EXPECT_EQ(run("abcdef"), "nothing");
  EXPECT_EQ(quiet_.pauses, std::vector<double>{90});
  std::filesystem::remove(file());
  script_ = {.answers = {answer({.status = 429, .retry_after = 121}, "")}, .requests = {}};
  EXPECT_EQ(run("abcdef"), "5: the server answers 429; advice for 429");
}

TEST_F(DownloadTest, StatusesThatAnotherTryDoesNotChange) {
  for (const int status : {400, 401, 403, 404, 410, 204, 304}) {
    script_ = {.answers = {answer({.status = status}, "")}, .requests = {}};
    EXPECT_EQ(run("abcdef"), fmt::format("5: the server answers {0}; advice for {0}", status));
    EXPECT_EQ(script_.requests.size(), 1u);
  }
  EXPECT_EQ(part(), "-");
}

TEST_F(DownloadTest, NoNetworkIsSaidAtOnceAndABrokenOneTriedAgain) {
  script_.answers = {failure(HttpEnd::offline)};
  EXPECT_EQ(run("abcdef"), "5: no way; advice for 0");
  script_ = {.answers = {answer(whole(6), "abc", HttpEnd::broken), failure(HttpEnd::offline),
                         answer(rest("bytes 3-5/6"), "def")},
             .requests = {}};
  EXPECT_EQ(run("abcdef"), "nothing");
}

TEST_F(DownloadTest, WrongBytesAreFetchedOnceMoreAndThenReported) {
  script_.answers = {answer(whole(3), "xyz"), answer(whole(3), "xyz"), answer(whole(3), "abc")};
  EXPECT_EQ(run("abc"), "3: not what was wanted");
  EXPECT_EQ(script_.requests.size(), 2u);
  EXPECT_EQ(part(), "-");
  EXPECT_FALSE(std::filesystem::exists(file()));
}

TEST_F(DownloadTest, AStopKeepsThePart) {
  script_.answers = {[&](const HttpRequest&, const HttpReceiver& receiver) {
    receiver.head(whole(6));
    receiver.body("abc", 3);
    quiet_.stop = true;
    return HttpAnswer{.end = HttpEnd::cut, .head = whole(6), .problem = ""};
  }};
  EXPECT_EQ(run("abcdef"),
            fmt::format("75: stopped; 3 bytes are kept in {}.part, the same command goes on", file().string()));
  EXPECT_EQ(part(), "abc");
}

}  // namespace
}  // namespace pc::fetch
