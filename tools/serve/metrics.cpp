#include "tools/serve/metrics.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

namespace pc::serve {
namespace {

// A label's value in quotes, as Prometheus reads it: of JSON's escapes it knows these two and \n.
std::string label_value(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '\\' || c == '"') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out + '"';
}

std::string head(const char* name, const char* type, const char* help) {
  return fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
}

std::string gauge(const char* name, const char* help, double value) {
  return head(name, "gauge", help) + fmt::format("{} {}\n", name, value);
}

std::string histogram(const char* name, const char* help, const Histogram& h) {
  std::string text = head(name, "histogram", help);
  for (std::size_t i = 0; i < h.bounds.size(); ++i)
    text += fmt::format("{}_bucket{{le=\"{}\"}} {}\n", name, h.bounds[i], h.counts[i]);
  return text + fmt::format("{}_bucket{{le=\"+Inf\"}} {}\n{}_sum {}\n{}_count {}\n", name, h.counts.back(), name, h.sum,
                            name, h.counts.back());
}

double resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  uint64_t size = 0, resident = 0;
  statm >> size >> resident;
  return double(resident) * double(::sysconf(_SC_PAGESIZE));
}

}  // namespace

void Histogram::add(double value) {
  for (std::size_t i = 0; i < bounds.size(); ++i) counts[i] += value <= bounds[i];
  ++counts.back();
  sum += value;
}

void Metrics::request(const std::string& route, int status, double seconds) {
  const std::lock_guard lock(mutex_);
  ++requests_[{route, status}];
  seconds_.add(seconds);
}

void Metrics::batch(std::size_t pictures) {
  const std::lock_guard lock(mutex_);
  batches_.add(double(pictures));
}

void Metrics::picture(const std::string& status) {
  const std::lock_guard lock(mutex_);
  ++pictures_[status];
}

void Metrics::reload(bool good) {
  const std::lock_guard lock(mutex_);
  ++(good ? reloads_ : failed_reloads_);
}

std::string Metrics::text(const Levels& levels) const {
  const std::lock_guard lock(mutex_);
  std::string text = head("pc_requests_total", "counter", "Requests answered, by route and status.");
  for (const auto& [key, count] : requests_)
    text += fmt::format("pc_requests_total{{route={},status=\"{}\"}} {}\n", label_value(key.first), key.second, count);
  text += histogram("pc_request_seconds", "From a request's first byte to its answer.", seconds_);
  text += head("pc_pictures_total", "counter", "Images, by what became of them.");
  for (const auto& [status, count] : pictures_)
    text += fmt::format("pc_pictures_total{{status={}}} {}\n", label_value(status), count);
  text += histogram("pc_batch_pictures", "Images per pass of the network.", batches_);
  text += gauge("pc_queue_pictures", "Images admitted and not answered yet.", double(levels.queue));
  text += gauge("pc_connections", "Open connections.", double(levels.connections));
  text += gauge("pc_ready", "1 where requests are taken.", levels.ready);
  text += head("pc_reloads_total", "counter", "Reloads of the model.");
  text += fmt::format("pc_reloads_total{{result=\"ok\"}} {}\npc_reloads_total{{result=\"failed\"}} {}\n", reloads_,
                      failed_reloads_);
  text += head("pc_model_info", "gauge", "The model that answers.");
  text += fmt::format("pc_model_info{{model={},architecture={},version={}}} 1\n", label_value(levels.model),
                      label_value(levels.architecture), label_value(levels.version));
  return text + gauge("process_resident_memory_bytes", "Resident memory.", resident_bytes());
}

}  // namespace pc::serve
