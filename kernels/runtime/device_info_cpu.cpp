// The CPU as Linux describes it.
#include <fstream>
#include <thread>

#include "kernels/runtime/device_info.h"

namespace pc {
namespace {

// The value of the first line of /proc/cpuinfo with this key.
std::string cpuinfo(const std::string& key) {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);)
    if (const std::size_t colon = line.find(": "); line.starts_with(key) && colon != std::string::npos)
      return line.substr(colon + 2);
  return "unknown";
}

std::string describe() {
  const std::string flags = " " + cpuinfo("flags") + " ";
  std::string seen;
  for (const char* flag : {"avx2", "avx512f", "avx512_bf16", "amx_bf16"})
    if (flags.find(" " + std::string(flag) + " ") != std::string::npos)
      seen += (seen.empty() ? "" : " ") + std::string(flag);
  return "{\"name\": " + json_string(cpuinfo("model name")) +
         ", \"cores\": " + std::to_string(std::thread::hardware_concurrency()) + ", \"flags\": " + json_string(seen) +
         "}";
}

}  // namespace

std::string json_string(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
  }
  return quoted + "\"";
}

const DeviceDescription device_info_cpu{.describe = describe};

}  // namespace pc
