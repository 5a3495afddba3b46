#include "tools/cli/progress.h"

#include <fmt/format.h>

#include <cstdio>

#include "kernels/base/logger.h"
#include "tools/cli/terminal.h"

namespace pc::cli {
namespace {

double seconds(std::chrono::steady_clock::duration d) { return std::chrono::duration<double>(d).count(); }

}  // namespace

Progress::Progress(std::string label, int64_t total, std::string unit)
    : label_(std::move(label)),
      unit_(std::move(unit)),
      total_(total),
      on_(terminal_of(stderr).on && verbosity() != Verbosity::quiet) {}

Progress::~Progress() {
  if (drawn_) write_stderr("\r\033[K");
}

void Progress::update(int64_t done, const std::string& note) {
  if (!on_) return;
  const auto now = Clock::now();
  if (first_ < 0) first_ = done, start_ = now;
  if (drawn_ && (total_ <= 0 || done < total_) && seconds(now - last_) < 0.1) return;
  last_ = now;
  drawn_ = true;
  const double rate = double(done - first_) / std::max(1e-9, seconds(now - start_));
  if (total_ > 0) {
    constexpr int kWidth = 24;
    const int filled = int(kWidth * done / total_);
    const std::string eta = rate > 0 ? clock_text(double(total_ - done) / rate) : "--:--";
    write_stderr(fmt::format("\r{} [{}{}] {}/{} {:.0f} {}/s ETA {} {}\033[K", label_,
                             std::string(std::size_t(filled), '#'), std::string(std::size_t(kWidth - filled), '.'),
                             done, total_, rate, unit_, eta, note));
  } else {
    write_stderr(fmt::format("\r{} {} {} {:.0f} {}/s {}\033[K", label_, done, unit_, rate, unit_, note));
  }
}

void Progress::warn(const std::string& line) {
  if (drawn_) write_stderr("\r\033[K");
  warn_line(line);
  drawn_ = false;
}

std::string clock_text(double s) {
  const auto t = int64_t(s + 0.5);
  return t < 3600 ? fmt::format("{}:{:02}", t / 60, t % 60)
                  : fmt::format("{}:{:02}:{:02}", t / 3600, t / 60 % 60, t % 60);
}

}  // namespace pc::cli
