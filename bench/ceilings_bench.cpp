// The limits and the description of this machine: one line of JSON per device, for the head of a report.
//
// copy and l2_copy count bytes read and written; the 16-bit rate of a GPU is that of a large matrix product.
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "bench/bench.h"
#include "bench/roofline.h"
#include "kernels/runtime/device_info.h"
#include "tools/cli/program.h"

namespace pc::bench {
namespace {

void print(Device device) {
  const Roofline& r = roofline(device);
  fmt::print(
      "{{\"device\": \"{}\", \"info\": {}, \"copy_GB_per_s\": {:.1f}, \"cached_copy_GB_per_s\": {:.1f}, "
      "\"f32_TFLOP_per_s\": {:.3f}, \"16bit_TFLOP_per_s\": {:.3f}}}\n",
      name_of(device), PC_KERNELS(device_info, device).describe(), r.copy * 1e-9, cached_copy(device) * 1e-9,
      r.f32 * 1e-12, r.low * 1e-12);
}

}  // namespace
}  // namespace pc::bench

int main(int argc, char** argv) {
  return pc::run_program("bench_ceilings", [&] {
    CLI::App app("Measures what the machine can do at most.");
    if (!pc::parse_command_line(app, argc, argv)) return pc::Exit::ok;
    pc::bench::print(pc::Device::cpu);
    if (pc::cuda_available()) pc::bench::print(pc::Device::cuda);
    return pc::Exit::ok;
  });
}
