#include "tools/fetch/download.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <random>

#include "kernels/base/error.h"
#include "tools/fetch/part_file.h"

namespace pc::fetch {
namespace {

constexpr int kRetries = 5;
constexpr int64_t kLongestWait = 120;  // seconds that a server may ask for

// "bytes 100-299/300", or "bytes */300" of a 416, which leaves first and last at -1.
struct ContentRange {
  int64_t first = -1, last = -1, total = -1;
};

std::optional<ContentRange> parse_content_range(std::string_view text) {
  const auto number = [&](int64_t& value) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || value < 0) return false;
    text.remove_prefix(std::size_t(end - text.data()));
    return true;
  };
  const auto skip = [&](std::string_view token) {
    if (!text.starts_with(token)) return false;
    text.remove_prefix(token.size());
    return true;
  };
  ContentRange r;
  if (!skip("bytes ")) return std::nullopt;
  if (!skip("*") && !(number(r.first) && skip("-") && number(r.last) && r.first <= r.last)) return std::nullopt;
  if (!skip("/") || !number(r.total) || !text.empty() || r.last >= r.total) return std::nullopt;
  return r;
}

class Downloader {
 public:
  Downloader(const Download& job, const Transport& transport, const FetchHooks& hooks)
      : job_(job), transport_(transport), hooks_(hooks), part_(job.file, job.url), furthest_(part_.size()) {}

  void run() {
    if (part_.size() > 0) hooks_.note(fmt::format("going on after {} bytes", part_.size()));
    for (int chance = 0;; ++chance) {
      receive();
      try {
        job_.check(part_.path());
        break;
      } catch (const Error& error) {
        if (error.code() != Exit::data) throw;
        part_.restart({.url = job_.url});
        if (chance == 1) throw;
        hooks_.note(fmt::format("{}; starting over", error.what()));
      }
    }
    part_.finish();
  }

 private:
  void receive() {
    complete_ = part_.size() > 0 && part_.size() == part_.state().total;
    while (!complete_) {
      problem_.clear();
      const HttpAnswer answer = ask();
      if (hooks_.stop()) fail(Exit::stopped, "stopped; " + kept());
      judge(answer);
      if (!complete_) wait(answer.head);
    }
  }

  HttpAnswer ask() {
    HttpRequest request{.url = job_.url, .authorization = job_.authorization};
    request.if_range = part_.validator();
    request.from = asked_from_ = request.if_range.empty() ? 0 : part_.size();
    accepted_ = false;
    return transport_(request, {.head = [&](const HttpHead& head) { return accept(head); },
                                .body = [&](const char* data, std::size_t bytes) { return take(data, bytes); },
                                .stop = hooks_.stop});
  }

  bool accept(const HttpHead& head) {
    accepted_ = head.status == 200 ? begin_anew(head) : head.status == 206 && go_on(head);
    if (accepted_) check_space();
    return accepted_;
  }

  bool begin_anew(const HttpHead& head) {
    if (part_.size() > 0) {
      const bool changed = head.etag != part_.state().etag || head.last_modified != part_.state().last_modified;
      hooks_.note(changed ? "the file on the server has changed; starting over"
                          : "the server sends the whole file again; starting over");
    }
    part_.restart({.url = job_.url, .etag = head.etag, .last_modified = head.last_modified, .total = head.length});
    return true;
  }

  bool go_on(const HttpHead& head) {
    const auto range = parse_content_range(head.content_range);
    const PartState& state = part_.state();
    if (asked_from_ == 0 || !range || range->first != asked_from_) {
      problem_ = "the server sent another range than asked for";
      if (++wrong_ranges_ == 2) part_.restart({.url = job_.url});
      return false;
    }
    const bool another = !head.etag.empty() && head.etag != state.etag;
    if (another || (state.total >= 0 && range->total != state.total)) {
      problem_ = "the file on the server has changed; starting over";
      part_.restart({.url = job_.url});
      return false;
    }
    part_.set_total(range->total);
    return true;
  }

  // Before the first byte of an answer. Space that goes later is an error of the write that meets it.
  void check_space() {
    const int64_t total = part_.state().total;
    if (total > job_.limit) too_long();
    std::error_code unknown;
    const auto space = std::filesystem::space(part_.path(), unknown);
    const int64_t needed = std::max<int64_t>(0, total - part_.size()) + job_.spare;
    if (!unknown && space.available < std::uintmax_t(needed))
      fail(Exit::file, fmt::format("{}: {} bytes are needed, the disk has room for {}", part_.path().string(), needed,
                                   space.available));
  }

  // What a server sends beyond the size it declared is left; the check says whether the rest is right.
  bool take(const char* data, std::size_t bytes) {
    const int64_t total = part_.state().total, left = (total < 0 ? job_.limit : total) - part_.size();
    if (int64_t(bytes) > left && total < 0) too_long();
    part_.append(data, std::size_t(std::min(left, int64_t(bytes))));
    hooks_.progress("downloading", part_.size(), total);
    return int64_t(bytes) <= left;
  }

  [[noreturn]] void too_long() {
    part_.restart({.url = job_.url});
    fail(Exit::limit, fmt::format("{}: the server sends more than {} bytes, which cannot be the file that is wanted",
                                  job_.file.string(), job_.limit));
  }

  // Sets complete_, leaves the cause of another try in problem_, or throws.
  void judge(const HttpAnswer& answer) {
    const int status = answer.head.status;
    if (answer.end == HttpEnd::refused) give_up(answer.problem, status);
    if (answer.end == HttpEnd::offline && !connected_) give_up(answer.problem, 0);
    connected_ = connected_ || status != 0;
    const std::string said = fmt::format("the server answers {}", status);
    const int64_t total = part_.state().total;
    complete_ = accepted_ && part_.size() > 0 && (total < 0 ? answer.end == HttpEnd::complete : part_.size() == total);
    if (answer.end == HttpEnd::broken || answer.end == HttpEnd::offline) {
      problem_ = answer.problem;
    } else if (accepted_) {
      problem_ = "the server sent only a part";
    } else if (status == 416) {
      judge_416(answer.head);
    } else if (status == 408 || status == 425 || status == 429 || status >= 500) {
      problem_ = said;
    } else if (problem_.empty()) {
      give_up(said, status);
    }
  }

  // Nothing lies behind our last byte: all of it is here, or it is another file by now.
  void judge_416(const HttpHead& head) {
    const auto range = parse_content_range(head.content_range);
    complete_ = range && range->total == part_.size() && part_.size() > 0;
    if (complete_) return;
    problem_ = "the file on the server has another size; starting over";
    part_.restart({.url = job_.url});
  }

  // Progress is what reaches beyond everything before: a server that begins anew for ever brings none.
  void wait(const HttpHead& head) {
    if (part_.size() > furthest_) furthest_ = part_.size(), failures_ = 0;
    const int64_t retry_after = head.status >= 400 ? head.retry_after : 0;
    if (failures_ == kRetries || retry_after > kLongestWait) give_up(problem_, head.status);
    const double jitter = std::uniform_real_distribution(1.0, 1.25)(random_);
    const double seconds = std::max(double(retry_after), double(1 << failures_) * jitter);
    ++failures_;
    hooks_.note(fmt::format("{}; {} bytes are here, next try in {:.0f} s", problem_, part_.size(), seconds));
    hooks_.pause(seconds);
    if (hooks_.stop()) fail(Exit::stopped, "stopped; " + kept());
  }

  [[noreturn]] void give_up(const std::string& problem, int status) {
    const std::string state = part_.size() > 0 ? kept() + "; " : "";
    fail(Exit::network, fmt::format("{}; {}{}", problem, state, job_.advice(status)));
  }

  std::string kept() const {
    if (part_.size() == 0) return "the same command begins again";
    return fmt::format("{} bytes are kept in {}, the same command goes on", part_.size(), part_.path().string());
  }

  const Download& job_;
  const Transport& transport_;
  const FetchHooks& hooks_;
  PartFile part_;
  int64_t furthest_, asked_from_ = 0;
  int failures_ = 0, wrong_ranges_ = 0;
  bool accepted_ = false, connected_ = false, complete_ = false;
  std::string problem_;
  std::mt19937 random_{std::random_device{}()};
};

}  // namespace

void download(const Download& job, const Transport& transport, const FetchHooks& hooks) {
  Downloader(job, transport, hooks).run();
}

}  // namespace pc::fetch
