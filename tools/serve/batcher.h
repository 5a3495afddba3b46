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
#include "tools/serve/metrics.h"
#include "tools/serve/served_model.h"

namespace pc::serve {

struct BatchSettings {
  std::size_t max_batch = 32;
  std::chrono::microseconds max_delay{5000};  // that a picture waits for others
  std::size_t queue = 256;                    // pictures admitted and not answered yet
  std::chrono::seconds patience{30};          // a picture that has waited longer is answered without the network
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
    explicit Place(Batcher* batcher) : batcher_(batcher) {}
    Place(Place&& other) noexcept : batcher_(std::exchange(other.batcher_, nullptr)) {}
    Place& operator=(Place&& other) noexcept {
      std::swap(batcher_, other.batcher_);
      return *this;
    }
    ~Place();

   private:
    Batcher* batcher_;
  };
  // So many places, or none where that many are not free.
  std::vector<Place> admit(std::size_t pictures);

  struct Job {
    std::shared_ptr<ServedModel> model;  // that prepared the input
    Tensor input;
    bool explain = false;
    Place place;
    std::function<void(Inference)> done;  // called once, on the thread of the network; must not throw
    std::chrono::steady_clock::time_point since = std::chrono::steady_clock::now();
  };
  void add(Job job);
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
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace pc::serve
