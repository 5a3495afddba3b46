// Workers decode blocks of images; the caller's thread writes the blocks in order.
#include "data/pack.h"

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include "data/guard.h"
#include "data/resize.h"
#include "kernels/base/error.h"
#include "kernels/base/parallel.h"
#include "kernels/base/thread.h"

namespace pc::data {
namespace {

struct Block {
  std::vector<StoredImage> index;  // offsets within the block
  std::vector<BadImage> bad;
  std::vector<uint8_t> pixels;
};

void pack_one(const DataSet& data, const StoreSettings& settings, std::size_t item, Block& block) {
  StoredImage stored{.offset = int64_t(block.pixels.size()), .h = 0, .w = 0};
  const std::string& file = data.catalog.items[item].file;
  Image image;
  const auto problem = image_problem(file, [&] {
    image = resize_to_short_side(data.images->image(item, decode_settings(settings)), settings.short_side);
  });
  // The store outlives what passes: only what is wrong with the image's own bytes belongs in it.
  if (problem && problem->passing) fail(problem->code, problem->message);
  if (problem) {
    block.bad.push_back({.item = item, .file = file, .reason = problem->message});
  } else {
    block.pixels.insert(block.pixels.end(), image.pixels.begin(), image.pixels.end());
    stored.h = image.h, stored.w = image.w;
  }
  block.index.push_back(stored);
}

// Blocks on their way from the workers to the writer. A worker that is too far ahead of the writer waits.
class Pipeline {
 public:
  Pipeline(const DataSet& data, const StoreSettings& settings, int threads)
      : data_(data), settings_(settings), items_(data.catalog.items.size()), ahead_(std::size_t(threads) * 4) {
    threads_.reserve(std::size_t(threads));
    try {
      for (int i = 0; i < threads; ++i) threads_.push_back(start_thread([this] { work(); }));
    } catch (const std::exception&) {  // no thread or no memory for one
      if (threads_.empty()) throw;     // else fewer do the work
    }
  }
  ~Pipeline() {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    changed_.notify_all();
    for (auto& thread : threads_) thread.join();
  }
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;

  std::size_t blocks() const { return (items_ + kBlock - 1) / kBlock; }
  Block next() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return error_ || done_.contains(written_); });
    if (error_) std::rethrow_exception(error_);
    Block block = std::move(done_.extract(written_).mapped());
    ++written_;
    changed_.notify_all();
    return block;
  }

 private:
  static constexpr std::size_t kBlock = 64;  // images; 1 MB of Kaggle's, 100 MB of full-size phone photos

  void work() {
    while (true) {
      std::size_t number;
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return stop_ || claimed_ >= blocks() || claimed_ < written_ + ahead_; });
        if (stop_ || claimed_ >= blocks()) return;
        number = claimed_++;
      }
      try {
        Block block;
        const std::size_t end = std::min(items_, (number + 1) * kBlock);
        for (std::size_t i = number * kBlock; i < end; ++i) pack_one(data_, settings_, i, block);
        const std::lock_guard lock(mutex_);
        done_.emplace(number, std::move(block));
      } catch (...) {
        const std::lock_guard lock(mutex_);
        error_ = std::current_exception();
        stop_ = true;
      }
      changed_.notify_all();
    }
  }

  const DataSet& data_;
  const StoreSettings& settings_;
  const std::size_t items_, ahead_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::size_t, Block> done_;
  std::size_t claimed_ = 0, written_ = 0;
  bool stop_ = false;
  std::exception_ptr error_;
  std::vector<std::thread> threads_;
};

}  // namespace

Packed pack_images(const DataSet& data, const StoreSettings& settings, const FileSink& sink,
                   const PackProgress& progress) {
  Packed packed;
  const auto total = int64_t(data.catalog.items.size());
  packed.index.reserve(std::size_t(total));
  Pipeline pipeline(data, settings, std::max(1, thread_count()));
  if (progress) progress(0, total);
  for (std::size_t b = 0; b < pipeline.blocks(); ++b) {
    Block block = pipeline.next();
    for (StoredImage image : block.index) {
      image.offset += packed.bytes;
      packed.index.push_back(image);
    }
    std::move(block.bad.begin(), block.bad.end(), std::back_inserter(packed.bad));
    sink(block.pixels.data(), block.pixels.size());
    packed.bytes += int64_t(block.pixels.size());
    if (progress) progress(int64_t(packed.index.size()), total);
  }
  return packed;
}

}  // namespace pc::data
