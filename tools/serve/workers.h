// A few threads that decode pictures and write answers, so that neither the network nor the connections wait for it.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace pc::serve {

class Workers {
 public:
  explicit Workers(int threads);
  ~Workers();                             // finishes what was posted
  void post(std::function<void()> task);  // must not throw

 private:
  void run();
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> tasks_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace pc::serve
