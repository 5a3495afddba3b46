// Progress of long work on stderr: a bar with rate and ETA on a terminal, nothing elsewhere. Where the total is not
// known, counts instead of the bar.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace pc::cli {

class Progress {
 public:
  Progress(std::string label, int64_t total, std::string unit = "img");
  ~Progress();  // removes the bar
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  // Redraws at most ten times a second.
  void update(int64_t done, const std::string& note = "");
  // A warning on stderr, above the bar where there is one.
  void warn(const std::string& line);

 private:
  using Clock = std::chrono::steady_clock;
  std::string label_, unit_;
  int64_t total_, first_ = -1;
  bool on_, drawn_ = false;
  Clock::time_point start_ = Clock::now(), last_{};
};

// "1:05" or "2:13:09".
std::string clock_text(double seconds);

}  // namespace pc::cli
