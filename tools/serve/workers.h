// A few threads that decode pictures and write answers, so that neither the network nor the connections wait for it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

namespace pc::serve {

// When a request arrived, and when its turn is. Everything that it needs is done in the order of turns, so that a short
// request overtakes a long one, but no longer than that one deserves: none waits for ever.
struct Turn {
  using Clock = std::chrono::steady_clock;
  // A second per ten million bytes to parse or pixels to decode.
  static Turn of(Clock::time_point arrived, int64_t amount) {
    return {arrived, arrived + 100 * std::chrono::nanoseconds(amount)};
  }
  Clock::time_point arrived = Clock::now(), due = arrived;
};

class Workers {
 public:
  // So many threads, or as many as there are to be had; Error(limit) if that is none. Each begins with `first`.
  explicit Workers(
      int threads, std::function<void()> first = [] {});
  ~Workers();                                        // finishes what was posted
  void post(Turn turn, std::function<void()> task);  // what it throws ends it alone

 private:
  void run();
  std::mutex mutex_;
  std::condition_variable changed_;
  std::multimap<Turn::Clock::time_point, std::function<void()>> tasks_;
  bool stopping_ = false;
  std::function<void()> first_;
  std::vector<std::thread> threads_;
};

}  // namespace pc::serve
