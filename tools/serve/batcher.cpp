#include "tools/serve/batcher.h"

#include <algorithm>
#include <new>

#include "kernels/base/parallel.h"

namespace pc::serve {
namespace {

using Clock = std::chrono::steady_clock;

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

}  // namespace

Batcher::Place::~Place() {
  if (!batcher_) return;
  const std::lock_guard lock(batcher_->mutex_);
  --batcher_->admitted_;
  batcher_->changed_.notify_all();
}

Batcher::Batcher(const BatchSettings& settings, Metrics& metrics)
    : settings_(settings), metrics_(metrics), thread_([this] { run(); }) {}

Batcher::~Batcher() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

std::vector<Batcher::Place> Batcher::admit(std::size_t pictures) {
  const std::lock_guard lock(mutex_);
  std::vector<Place> places;
  if (pictures > settings_.queue - admitted_) return places;
  places.reserve(pictures);
  for (std::size_t i = 0; i < pictures; ++i) places.emplace_back(this);
  admitted_ += pictures;
  return places;
}

void Batcher::add(Job job) {
  const std::lock_guard lock(mutex_);
  queue_.push_back(std::move(job));
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
    job.done(std::move(result));
  };
  const auto late = std::stable_partition(
      jobs.begin(), jobs.end(), [&](const Job& job) { return Clock::now() - job.since < settings_.patience; });
  for (auto job = late; job != jobs.end(); ++job) finish(*job, failed(Exit::stopped, "the picture waited too long"));
  jobs.erase(late, jobs.end());
  if (jobs.empty()) return;
  metrics_.batch(jobs.size());
  std::vector<Inference> results = infer(jobs);
  for (std::size_t i = 0; i < jobs.size(); ++i) finish(jobs[i], std::move(results[i]));
}

void Batcher::run() {
  set_thread_count(settings_.threads);
  for (;;) {
    std::vector<Job> jobs = next_batch();
    if (jobs.empty()) return;
    answer(jobs);
  }
}

}  // namespace pc::serve
