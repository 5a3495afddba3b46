// Pictures of many requests through one network: gathered into batches for as long as that is worth the wait.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "tools/predict/explain.h"
#include "tools/serve/message.h"
#include "tools/serve/metrics.h"
#include "tools/serve/served_model.h"
#include "tools/serve/workers.h"

namespace pc::serve {

struct BatchSettings {
  std::size_t max_batch = 32;
  std::chrono::microseconds max_delay{5000};  // that a picture waits for others
  std::size_t queue = 256;                    // pictures admitted and not answered yet
  int64_t pixels = 1'000'000'000;             // of them, as their files declare
  std::chrono::seconds patience{30};          // of a request since it arrived: what is not done then is left
  int threads = 0;                            // of the network; 0: one per core
};

// What the network says of a picture.
struct Inference {
  predict::Outcome outcome;
  std::vector<predict::Heat> heats;  // per head, where they were asked for
};

class Batcher {
 public:
  Batcher(const BatchSettings& settings, Metrics& metrics);
  ~Batcher();  // answers what it holds first

  // A place in the queue, given back when it is destroyed.
  class Place {
   public:
    Place(Batcher* batcher, int64_t pixels) : batcher_(batcher), pixels_(pixels) {}
    Place(Place&& other) noexcept : batcher_(std::exchange(other.batcher_, nullptr)), pixels_(other.pixels_) {}
    Place& operator=(Place&& other) noexcept {
      std::swap(batcher_, other.batcher_), std::swap(pixels_, other.pixels_);
      return *this;
    }
    ~Place();

   private:
    Batcher* batcher_;
    int64_t pixels_;
  };
  // A place for each picture of a request, given by its pixels; none if they are too many. Of what is free a request
  // gets half, so that a short one finds a place beside long ones; alone it may take all.
  std::vector<Place> admit(const std::vector<int64_t>& pixels);
  // Whether a request that arrived then is past its time.
  bool late(Turn::Clock::time_point arrived) const { return Turn::Clock::now() - arrived >= settings_.patience; }

  struct Job {
    std::shared_ptr<ServedModel> model;  // that prepared the input
    Tensor input;
    bool explain = false;
    Turn turn = {};
    Place place;
    std::function<void(Inference)> done;  // called once, on the thread of the network
    Turn::Clock::time_point since = Turn::Clock::now();
  };
  void add(Job job);  // the earliest turn first
  std::size_t admitted() const;

 private:
  void run();
  std::vector<Job> next_batch();
  void answer(std::vector<Job>& jobs);
  std::size_t batch_at_front() const;
  BatchSettings settings_;
  Metrics& metrics_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> queue_;
  std::size_t admitted_ = 0;
  int64_t admitted_pixels_ = 0;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace pc::serve
