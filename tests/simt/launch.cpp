// A launch: the limits of a GPU, and the same bits in every order.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <future>
#include <map>
#include <memory>
#include <set>
#include <stdexcept>

#include "cuda_runtime.h"
#include "tests/simt/capture.h"
#include "tests/simt/machine.h"

namespace pc::simt {
namespace {

constexpr const char* kOrders[] = {"forward", "reverse", "shuffled", "shuffled again"};

std::set<const void*> seen;
std::map<const void*, std::size_t> most_shared;  // of the kernels that may have more than others
bool checks = true;

void check_limits(const Launch& launch) {
  const auto limit = [&](bool ok, const std::string& what) {
    if (!ok) throw std::runtime_error(places_of({launch.kernel})[0].function + ": " + what);
  };
  limit(launch.block.volume() >= 1 && launch.block.volume() <= kMaxThreads && launch.block.z <= 64,
        "no GPU runs a block of " + text_of(launch.block));
  limit(launch.grid.volume() >= 1 && launch.grid.x < 1u << 31 && launch.grid.y <= 65535 && launch.grid.z <= 65535,
        "no GPU runs a grid of " + text_of(launch.grid));
  limit(launch.parameter_bytes <= 32764, std::to_string(launch.parameter_bytes) + " bytes of arguments");
  const auto leave = most_shared.find(launch.kernel);
  limit(launch.dynamic_shared <= (leave == most_shared.end() ? kFreelyShared : leave->second),
        std::to_string(launch.dynamic_shared) + " bytes of dynamic shared memory without cudaFuncSetAttribute's leave");
  limit(!launch.cooperative || launch.grid.volume() <= kMultiprocessors,
        "a cooperative launch of " + std::to_string(launch.grid.volume()) + " blocks, of which the stand-in holds " +
            std::to_string(kMultiprocessors) + " at once");
}

void run_once(const Launch& launch, std::size_t order) {
  // A fresh host thread has its own thread_local memory, so nothing but the kernels' is poisoned.
  std::async(std::launch::async, [&] { Machine(launch, order, order == 0 && checks).run(); }).get();
  check_guards();
}

void run(const Launch& launch) {
  const DeviceAccess access;
  if (!checks) return run_once(launch, 0);
  const std::vector<unsigned char> before = contents();
  run_once(launch, 0);
  const std::vector<unsigned char> first = contents();
  for (std::size_t order = 1; order < std::size(kOrders); ++order) {
    restore(before);
    run_once(launch, order);
    const std::vector<unsigned char> again = contents();
    const auto differs = std::mismatch(first.begin(), first.end(), again.begin()).first;
    if (differs != first.end())
      throw std::runtime_error(places_of({launch.kernel})[0].function + ": " +
                               describe(std::size_t(differs - first.begin())) +
                               " depends on the order of the threads (" + kOrders[0] + " or " + kOrders[order] + ")");
  }
}

}  // namespace

// The arguments are copied, as a real launch does: they are gone when a recording runs.
void launch(const Launch& launch) {
  check_limits(launch);
  seen.insert(launch.kernel);
  constexpr std::size_t kAlignment = 64;
  const std::shared_ptr<void> packed(
      std::aligned_alloc(kAlignment, (launch.packed_bytes + kAlignment - 1) / kAlignment * kAlignment), std::free);
  std::memcpy(packed.get(), launch.packed, launch.packed_bytes);
  Launch kept = launch;
  kept.packed = packed.get();
  submit([kept, packed] { run(kept); });
}

void set_checks(bool on) { checks = on; }

std::vector<const void*> kernels_run() { return {seen.begin(), seen.end()}; }

}  // namespace pc::simt

using namespace pc::simt;

cudaError_t pc_set_most_shared(const void* kernel, int bytes) {
  if (bytes < 0 || std::size_t(bytes) > kSharedBytes) return cudaErrorInvalidValue;
  most_shared[kernel] = std::size_t(bytes);
  return cudaSuccess;
}

cudaError_t cudaGetDevice(int* device) {
  *device = 0;
  return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int) {
  *value = int(attribute == cudaDevAttrMultiProcessorCount ? kMultiprocessors
               : attribute == cudaDevAttrL2CacheSize       ? kL2Bytes
                                                           : kSharedBytes);
  return cudaSuccess;
}
