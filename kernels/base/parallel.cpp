#include "kernels/base/parallel.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace pc {
namespace {

using Function = std::function<void(int64_t, int)>;

thread_local int wanted = 0;         // 0: the default
thread_local bool in_block = false;  // this thread computes a block right now
constexpr int kMostThreads = 1024;

int cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) != 0) return std::max(1, int(std::thread::hardware_concurrency()));
  return std::max(1, CPU_COUNT(&set));
}

int default_threads() {
  static const int threads = [] {
    const char* text = std::getenv("OMP_NUM_THREADS");
    const int asked = text ? std::atoi(text) : 0;
    return std::min(asked > 0 ? asked : cores(), kMostThreads);
  }();
  return threads;
}

// Ready when `ready()` says so: looks for a while, as the next region of a network is microseconds away, then sleeps
// until `word` is no longer what it was.
template <class Ready>
void await(std::atomic<uint32_t>& word, Ready ready) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::microseconds(50);
  while (std::chrono::steady_clock::now() < end)
    for (int i = 0; i < 16; ++i) {
      if (ready(word.load(std::memory_order_acquire))) return;
      __builtin_ia32_pause();
    }
  for (uint32_t now; !ready(now = word.load(std::memory_order_acquire));) word.wait(now, std::memory_order_acquire);
}

class Team {
 public:
  ~Team() {
    stop_ = true;
    post();
    for (auto& thread : threads_) thread.join();
  }

  // False where the team is at work already.
  bool run(int64_t count, int workers, const Function& f) {
    const std::unique_lock lock(busy_, std::try_to_lock);
    if (!lock) return false;
    workers = hire(workers);
    // Nobody is inside and the door is shut: the job may be changed.
    job_ = &f;
    workers_ = workers;
    for (int i = 0; i < workers; ++i) {
      shares_[i].next.store(count * i / workers, std::memory_order_relaxed);
      shares_[i].end = count * (i + 1) / workers;
    }
    door_.store(kOpen, std::memory_order_release);
    post();
    take(0);
    door_.fetch_and(~kOpen, std::memory_order_acq_rel);
    await(door_, [](uint32_t door) { return door == 0; });
    if (const auto error = std::exchange(error_, nullptr)) std::rethrow_exception(error);
    return true;
  }

 private:
  // Each worker begins with its own range, the same in every region of the same size: what it left in its cache is
  // there. Who is done goes on with what is left of the others'.
  struct alignas(64) Share {
    std::atomic<int64_t> next{0};
    int64_t end = 0;
  };
  static constexpr uint32_t kOpen = 1u << 31;

  // As many threads as there are to be had.
  int hire(int workers) {
    if (!shares_) shares_ = std::make_unique<Share[]>(kMostThreads);
    try {
      while (int(threads_.size()) + 1 < workers)
        threads_.emplace_back([this, me = int(threads_.size()) + 1] { work(me); });
    } catch (const std::exception&) {  // the system's limit, or no memory: fewer give the same results
    }
    return std::min(workers, int(threads_.size()) + 1);
  }

  void post() {
    posted_.fetch_add(1, std::memory_order_release);
    posted_.notify_all();
  }

  void work(int me) {
    for (uint32_t seen = 0;;) {
      await(posted_, [seen](uint32_t posted) { return posted != seen; });
      if (stop_) return;
      seen = posted_.load(std::memory_order_acquire);
      if (!enter()) continue;
      if (me < workers_) take(me);
      if (door_.fetch_sub(1, std::memory_order_acq_rel) == 1) door_.notify_all();  // the last one out, after closing
    }
  }

  bool enter() {
    uint32_t door = door_.load(std::memory_order_acquire);
    while (door & kOpen)
      if (door_.compare_exchange_weak(door, door + 1, std::memory_order_acq_rel)) return true;
    return false;
  }

  void take(int me) {
    in_block = true;
    for (int i = 0; i < workers_; ++i) {
      Share& share = shares_[(me + i) % workers_];
      for (int64_t block; (block = share.next.fetch_add(1, std::memory_order_relaxed)) < share.end;) try {
          (*job_)(block, me);
        } catch (...) {
          const std::lock_guard lock(error_mutex_);
          if (!error_) error_ = std::current_exception();
        }
    }
    in_block = false;
  }

  std::mutex busy_, error_mutex_;
  std::vector<std::thread> threads_;
  std::unique_ptr<Share[]> shares_;
  const Function* job_ = nullptr;
  int workers_ = 0;
  std::exception_ptr error_;
  std::atomic<uint32_t> door_{0};  // kOpen while a job takes helpers in, plus the number of helpers inside
  std::atomic<uint32_t> posted_{0};
  std::atomic<bool> stop_{false};
};

Team& team() {
  static Team the_team;
  return the_team;
}

}  // namespace

int thread_count() { return wanted > 0 ? wanted : default_threads(); }
void set_thread_count(int threads) { wanted = std::min(threads, kMostThreads); }

void parallel_each(int64_t count, const std::function<void(int64_t, int)>& f) {
  const int workers = int(std::min<int64_t>(thread_count(), count));
  if (workers > 1 && !in_block && team().run(count, workers, f)) return;
  for (int64_t i = 0; i < count; ++i) f(i, 0);
}

}  // namespace pc
