// The limits of this machine and its description, for the head of a report: a line of JSON per device for each. $PC_ROOFLINE may name a
// file of these lines; the benches then do not measure the limits again.
//
// copy and l2_copy count bytes read and written; the 16-bit rate of a GPU is that of a large matrix product.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <vector>

#include "bench/bench.h"
#include "bench/roofline.h"
#include "kernels/runtime/device_info.h"
#include "tools/cli/program.h"

namespace pc::bench {
namespace {

void print(Device device) {
  const Roofline& r = roofline(device);
  fmt::print(
      "{{\"device\": \"{}\", \"copy_GB_per_s\": {:.1f}, \"cached_copy_GB_per_s\": {:.1f}, \"f32_TFLOP_per_s\": {:.3f}, "
      "\"16bit_TFLOP_per_s\": {:.3f}}}\n",
      name_of(device), r.copy * 1e-9, cached_copy(device) * 1e-9, r.f32 * 1e-12, r.low * 1e-12);
}

// After the measurements, which must not be lost if a library cannot describe the device.
void describe(Device device) {
  fmt::print("{{\"device\": \"{}\", \"info\": {}}}\n", name_of(device), PC_KERNELS(device_info, device).describe());
}

}  // namespace
}  // namespace pc::bench

int main(int argc, char** argv) {
  return pc::cli::run_program("bench_ceilings", [&] {
    CLI::App app("Measures what the machine can do at most.");
    if (!pc::cli::parse_command_line(app, argc, argv)) return pc::Exit::ok;
    std::vector<pc::Device> devices{pc::Device::cpu};
    if (pc::cuda_available()) devices.push_back(pc::Device::cuda);
    for (const pc::Device device : devices) pc::bench::print(device);
    std::fflush(stdout);
    for (const pc::Device device : devices) pc::bench::describe(device);
    return pc::Exit::ok;
  });
}
