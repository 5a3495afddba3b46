// A server that answers anything: every line of the input is a response, "STATUS|LENGTH|ETAG|CONTENT-RANGE|END|BODY".
#include <cstdlib>
#include <filesystem>
#include <string>

#include "kernels/base/error.h"
#include "tests/fuzz/target.h"
#include "tools/fetch/download.h"

namespace {

namespace fs = std::filesystem;
using pc::fetch::HttpEnd;
using pc::fuzz::expect;

constexpr int64_t kLimit = 64;

std::string_view next(std::string_view& text, char end) {
  const std::string_view part = text.substr(0, text.find(end));
  text.remove_prefix(std::min(text.size(), part.size() + 1));
  return part;
}

int64_t number(std::string_view text) { return std::strtoll(std::string(text.substr(0, 20)).c_str(), nullptr, 10); }

// Plays the lines; offline behind the last.
class Server {
 public:
  explicit Server(std::string_view script) : script_(script) {}
  pc::fetch::HttpAnswer answer(const pc::fetch::HttpReceiver& receiver) {
    if (script_.empty()) return {.end = HttpEnd::offline, .head = {}, .problem = "no connection"};
    std::string_view line = next(script_, '\n');
    pc::fetch::HttpAnswer answer;
    answer.head.status = int(number(next(line, '|')) % 1000);
    answer.head.length = number(next(line, '|'));
    answer.head.etag = next(line, '|');
    answer.head.content_range = next(line, '|');
    answer.head.retry_after = answer.head.length;
    const std::string_view end = next(line, '|');
    answer.end = end == "broken" ? HttpEnd::broken : end == "refused" ? HttpEnd::refused : HttpEnd::complete;
    answer.problem = "the server said so";
    if (receiver.head(answer.head) && !receiver.body(line.data(), line.size())) answer.end = HttpEnd::cut;
    return answer;
  }

 private:
  std::string_view script_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  static const pc::fuzz::Folder folder;
  for (const char* name : {"file", "file.part", "file.part.json"}) fs::remove(folder / name);
  return pc::fuzz::expect_answer(size, [=] {
    Server server(pc::fuzz::as_text(data, size));
    const pc::fetch::Download job{.url = "https://host/file",
                                  .authorization = "",
                                  .file = folder / "file",
                                  .limit = kLimit,
                                  .spare = 0,
                                  .check =
                                      [](const fs::path& part) {
                                        expect(fs::file_size(part) > 0, "nothing is not checked");
                                        if (fs::file_size(part) % 7 == 0) pc::fail(pc::Exit::data, "another file");
                                      },
                                  .advice = [](int) { return std::string("try again"); }};
    const pc::fetch::FetchHooks hooks{
        .progress = [](const char*, int64_t done, int64_t) { expect(done <= kLimit, "no more than the limit"); },
        .note = [](const std::string& line) { expect(!line.empty(), "a note says something"); },
        .stop = [] { return false; },
        .pause = [](double seconds) { expect(seconds <= 120, "no longer than two minutes"); }};
    try {
      pc::fetch::download(
          job, [&](const pc::fetch::HttpRequest&, const pc::fetch::HttpReceiver& r) { return server.answer(r); },
          hooks);
      expect(fs::exists(folder / "file") && fs::file_size(folder / "file") <= std::uintmax_t(kLimit),
             "the file is there");
      expect(!fs::exists(folder / "file.part.json"), "nothing is left beside it");
    } catch (const pc::Error&) {
      expect(!fs::exists(folder / "file"), "no file after an error");
      throw;
    }
  });
}
