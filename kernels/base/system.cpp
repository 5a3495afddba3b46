// Control groups of version 2 (one tree) and 1 (a tree for each resource); a limit holds for everything below it.
#include "kernels/base/system.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <thread>
#include <vector>

#include "kernels/base/parallel.h"

namespace pc {
namespace {

namespace fs = std::filesystem;

std::string text_of(const fs::path& file) {
  std::ifstream stream(file);
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

// "max" and what is no number: nothing.
std::optional<uint64_t> number(const std::string& text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc()) return std::nullopt;
  return value;
}

// The value behind "KEY:" in files such as /proc/meminfo.
std::string line_of(const fs::path& file, const std::string& key) {
  std::istringstream lines(text_of(file));
  for (std::string line; std::getline(lines, line);) {
    const std::size_t colon = line.find(':');
    if (colon == line.npos || line.substr(0, line.find_last_not_of(" \t", colon - 1) + 1) != key) continue;
    const std::size_t value = line.find_first_not_of(" \t", colon + 1);
    return value == line.npos ? "" : line.substr(value);
  }
  return "";
}

// The folders of this process's control groups for `controller`, innermost first. Lines are "4:memory:/path", or
// "0::/path" for version 2.
std::vector<fs::path> groups(const fs::path& root, const std::string& controller) {
  std::vector<fs::path> folders;
  std::istringstream lines(text_of(root / "proc/self/cgroup"));
  for (std::string line; std::getline(lines, line);) {
    const std::size_t first = line.find(':'), second = line.find(':', first + 1);
    if (second == line.npos) continue;
    const std::string named = "," + line.substr(first + 1, second - first - 1) + ",";
    const bool unified = named == ",,";
    if (!unified && named.find("," + controller + ",") == named.npos) continue;
    const fs::path top = root / "sys/fs/cgroup" / (unified ? "" : controller);
    // In a container the path may be that of the host, which is not there: its parents end at the top all the same.
    for (fs::path below = fs::path(line.substr(second + 1)).relative_path();; below = below.parent_path()) {
      folders.push_back(top / below);
      if (below.empty()) break;
    }
  }
  return folders;
}

std::optional<double> quota_of(const fs::path& group) {
  std::istringstream both(text_of(group / "cpu.max"));  // "150000 100000", "max 100000"
  std::string quota, period;
  if (!(both >> quota >> period))
    quota = text_of(group / "cpu.cfs_quota_us"), period = text_of(group / "cpu.cfs_period_us");
  const auto part = number(quota), whole = number(period);
  if (!part || !whole || *whole == 0) return std::nullopt;
  return double(*part) / double(*whole);
}

}  // namespace

uint64_t MemoryFacts::free() const {
  if (!limit) return available;
  return std::min(available, *limit - std::min(*limit, used.value_or(0)));
}

std::string cpu_model(const fs::path& root) { return line_of(root / "proc/cpuinfo", "model name"); }

std::string cpu_flags(const fs::path& root) { return line_of(root / "proc/cpuinfo", "flags"); }

CpuFacts cpu_facts(const fs::path& root) {
  CpuFacts facts{.threads = thread_count(), .cores = int(std::thread::hardware_concurrency()), .quota = {}};
  for (const fs::path& group : groups(root, "cpu"))
    if (const auto quota = quota_of(group)) facts.quota = std::min(facts.quota.value_or(*quota), *quota);
  return facts;
}

MemoryFacts memory_facts(const fs::path& root) {
  const auto bytes = [&](const char* key) { return number(line_of(root / "proc/meminfo", key)).value_or(0) * 1024; };
  MemoryFacts facts{.total = bytes("MemTotal"), .available = bytes("MemAvailable"), .limit = {}, .used = {}};
  for (const fs::path& group : groups(root, "memory")) {
    std::optional<uint64_t> limit = number(text_of(group / "memory.max")),
                            used = number(text_of(group / "memory.current"));
    if (!limit)
      limit = number(text_of(group / "memory.limit_in_bytes")), used = number(text_of(group / "memory.usage_in_bytes"));
    // Version 1 says "no limit" as a number beyond any memory.
    if (!limit || *limit >= facts.total || (facts.limit && *facts.limit <= *limit)) continue;
    facts.limit = limit, facts.used = used;
  }
  return facts;
}

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

}  // namespace pc
