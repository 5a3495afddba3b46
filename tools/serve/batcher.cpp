#include "tools/serve/batcher.h"

#include <algorithm>
#include <new>
#include <numeric>

#include "kernels/base/parallel.h"
#include "kernels/base/thread.h"

namespace pc::serve {
namespace {

Inference failed(Exit code, const std::string& message) {
  return {.outcome = {.logits = {}, .error = message, .code = code}, .heats = {}};
}

// All of the batch, or the one error that all of it gets.
std::vector<Inference> infer(const std::vector<Batcher::Job>& jobs) {
  try {
    ServedModel& model = *jobs.front().model;
    std::vector<Tensor> inputs;
    for (const auto& job : jobs) inputs.push_back(job.input);
    std::vector<predict::Outcome> outcomes = model.predictor.answer(inputs);
    std::vector<Inference> results(jobs.size());
    for (std::size_t i = 0; i < jobs.size(); ++i) {
      if (jobs[i].explain) results[i].heats = predict::evidence(model.predictor, jobs[i].input, outcomes[i].logits);
      results[i].outcome = std::move(outcomes[i]);
    }
    return results;
  } catch (const Error& error) {
    return std::vector(jobs.size(), failed(error.code(), error.what()));
  } catch (const std::bad_alloc&) {
    return std::vector(jobs.size(), failed(Exit::limit, "out of memory for a batch; use a smaller --max-batch"));
  } catch (const std::exception& error) {  // a bug must not end the thread
    return std::vector(jobs.size(), failed(Exit::numeric, std::string("internal error: ") + error.what()));
  }
}

template <class T>
bool fits(T wanted, T used, T most) {
  const T free = most - used;
  return wanted <= free && (used == 0 || wanted <= std::max<T>(1, free / 2));
}

}  // namespace

Batcher::Place::~Place() {
  if (!batcher_) return;
  const std::lock_guard lock(batcher_->mutex_);
  --batcher_->admitted_;
  batcher_->admitted_pixels_ -= pixels_;
  batcher_->changed_.notify_all();
}

Batcher::Batcher(const BatchSettings& settings, Metrics& metrics)
    : settings_(settings), metrics_(metrics), thread_(start_thread([this] { run(); })) {}

Batcher::~Batcher() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

std::vector<Batcher::Place> Batcher::admit(const std::vector<int64_t>& pixels) {
  const int64_t all = std::accumulate(pixels.begin(), pixels.end(), int64_t{0});
  std::vector<Place> places;
  places.reserve(pixels.size());
  const std::lock_guard lock(mutex_);
  if (!fits(pixels.size(), admitted_, settings_.queue) || !fits(all, admitted_pixels_, settings_.pixels)) return places;
  for (const int64_t of_one : pixels) places.emplace_back(this, of_one);
  admitted_ += pixels.size(), admitted_pixels_ += all;
  return places;
}

void Batcher::add(Job job) {
  const std::lock_guard lock(mutex_);
  const auto behind = std::upper_bound(queue_.begin(), queue_.end(), job.turn.due,
                                       [](auto due, const Job& queued) { return due < queued.turn.due; });
  queue_.insert(behind, std::move(job));
  changed_.notify_all();
}

std::size_t Batcher::admitted() const {
  const std::lock_guard lock(mutex_);
  return admitted_;
}

// How many at the front go through the network together: those of one model.
std::size_t Batcher::batch_at_front() const {
  const std::size_t most = std::min(queue_.size(), settings_.max_batch);
  std::size_t count = 0;
  while (count < most && queue_[count].model == queue_.front().model) ++count;
  return count;
}

// Waits while the batch is not full, its first picture is young, and another one is on its way: with nobody else asking
// there is nothing to wait for.
std::vector<Batcher::Job> Batcher::next_batch() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return !queue_.empty() || stopping_; });
  if (queue_.empty()) return {};
  changed_.wait_until(lock, queue_.front().since + settings_.max_delay, [&] {
    const std::size_t ready = batch_at_front();
    return stopping_ || ready == settings_.max_batch || ready < queue_.size() || admitted_ <= queue_.size();
  });
  const auto end = queue_.begin() + std::ptrdiff_t(batch_at_front());
  std::vector<Job> jobs(std::make_move_iterator(queue_.begin()), std::make_move_iterator(end));
  queue_.erase(queue_.begin(), end);
  return jobs;
}

// A job's place in the queue is released before its callback runs.
void Batcher::answer(std::vector<Job>& jobs) {
  const auto finish = [](Job& job, Inference result) {
    { const Place given_back = std::move(job.place); }
    try {
      job.done(std::move(result));
    } catch (const std::exception&) {  // no memory; what it should have answered is known to be lost
    }
  };
  const auto late =
      std::stable_partition(jobs.begin(), jobs.end(), [&](const Job& job) { return !this->late(job.turn.arrived); });
  for (auto job = late; job != jobs.end(); ++job) finish(*job, failed(Exit::stopped, kTooLate));
  jobs.erase(late, jobs.end());
  if (jobs.empty()) return;
  metrics_.batch(jobs.size());
  std::vector<Inference> results = infer(jobs);
  for (std::size_t i = 0; i < jobs.size(); ++i) finish(jobs[i], std::move(results[i]));
}

void Batcher::run() {
  set_thread_count(settings_.threads);
  for (bool over = false; !over;) try {
      std::vector<Job> jobs = next_batch();
      over = jobs.empty();
      answer(jobs);
    } catch (const std::exception&) {  // no memory: the jobs are lost, or wait still
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
}

}  // namespace pc::serve
