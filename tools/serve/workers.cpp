#include "tools/serve/workers.h"

#include <exception>

#include "kernels/base/parallel.h"
#include "kernels/base/thread.h"

namespace pc::serve {

Workers::Workers(int threads, std::function<void()> first) : first_(std::move(first)) {
  threads_.reserve(std::size_t(threads));
  try {
    while (threads_.size() < std::size_t(threads)) threads_.push_back(start_thread([this] { run(); }));
  } catch (const std::exception&) {  // no thread or no memory for one: fewer do the work
    if (threads_.empty()) throw;
  }
}

Workers::~Workers() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void Workers::post(Turn turn, std::function<void()> task) {
  const std::lock_guard lock(mutex_);
  tasks_.emplace(turn.due, std::move(task));  // behind those of the same turn
  changed_.notify_one();
}

void Workers::run() {
  set_thread_count(1);  // a kernel called here must not start a team of its own
  try {
    first_();
  } catch (const std::exception&) {  // no memory
  }
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return !tasks_.empty() || stopping_; });
    if (tasks_.empty()) return;
    auto next = tasks_.extract(tasks_.begin());
    lock.unlock();
    try {
      next.mapped()();
    } catch (const std::exception&) {  // no memory; what it should have answered is known to be lost
    }
    next = {};  // what it holds goes back before the next one
    lock.lock();
  }
}

}  // namespace pc::serve
