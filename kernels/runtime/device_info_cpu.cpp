// The CPU as Linux describes it.
#include <thread>

#include "kernels/base/system.h"
#include "kernels/base/text.h"
#include "kernels/runtime/device_info.h"

namespace pc {
namespace {

std::string known(const std::string& text) { return text.empty() ? "unknown" : text; }

std::string describe() {
  const std::string flags = " " + known(cpu_flags()) + " ";
  std::string seen;
  for (const char* flag : {"avx2", "avx512f", "avx512_bf16", "amx_bf16"})
    if (flags.find(" " + std::string(flag) + " ") != std::string::npos)
      seen += (seen.empty() ? "" : " ") + std::string(flag);
  return "{\"name\": " + json_string(known(cpu_model())) +
         ", \"cores\": " + std::to_string(std::thread::hardware_concurrency()) + ", \"flags\": " + json_string(seen) +
         "}";
}

}  // namespace

const DeviceDescription device_info_cpu{.describe = describe};

}  // namespace pc
