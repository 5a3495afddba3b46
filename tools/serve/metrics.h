// What the server counts, and the counts as Prometheus text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace pc::serve {

// How many values were at most each bound; the last count is of all of them.
struct Histogram {
  explicit Histogram(std::vector<double> upper) : bounds(std::move(upper)), counts(bounds.size() + 1) {}
  void add(double value);
  std::vector<double> bounds;
  std::vector<uint64_t> counts;
  double sum = 0;
};

// What is true now, asked for by whoever prints.
struct Levels {
  std::size_t connections = 0, queue = 0;  // pictures admitted and not answered yet
  bool ready = false;
  std::string model, architecture, version;
};

// Any thread may call any member.
class Metrics {
 public:
  void request(const std::string& route, int status, double seconds);
  void batch(std::size_t pictures);
  void picture(const std::string& status);
  void reload(bool good);
  std::string text(const Levels& levels) const;

 private:
  mutable std::mutex mutex_;
  std::map<std::pair<std::string, int>, uint64_t> requests_;
  std::map<std::string, uint64_t> pictures_;
  Histogram seconds_{{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10}};
  Histogram batches_{{1, 2, 4, 8, 16, 32, 64, 128, 256}};
  uint64_t reloads_ = 0, failed_reloads_ = 0;
};

}  // namespace pc::serve
