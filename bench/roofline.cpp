#include "bench/roofline.h"

#include <immintrin.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <functional>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <utility>

#include "bench/bench.h"
#include "kernels/base/file.h"
#include "kernels/base/parallel.h"
#include "kernels/base/system.h"
#include "kernels/linear/linear.h"
#include "kernels/runtime/memory.h"

namespace pc::bench {
namespace {

// Best of a few runs: a limit is the least disturbed run.
double fastest(Device device, int runs, const std::function<void()>& work) {
  double best = 1e30;
  for (int i = 0; i < runs; ++i) {
    memory::synchronize(device);
    const auto start = std::chrono::steady_clock::now();
    work();
    memory::synchronize(device);
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return best;
}

// One thread's `steps` rounds of multiply-adds on independent registers: enough of them to hide the latency of two FMA
// units.
using Burn = float (*)(int64_t steps);
constexpr int kChains = 12;

[[gnu::target("avx512f")]] float burn_avx512(int64_t steps) {
  __m512 sum[kChains];
  for (auto& s : sum) s = _mm512_set1_ps(1.0f);
  const __m512 a = _mm512_set1_ps(0.999f), b = _mm512_set1_ps(0.001f);
  for (int64_t i = 0; i < steps; ++i)
    for (auto& s : sum) s = _mm512_fmadd_ps(s, a, b);
  float total = 0;
  for (auto& s : sum) total += s[0];
  return total;
}

[[gnu::target("avx2,fma")]] float burn_avx2(int64_t steps) {
  __m256 sum[kChains];
  for (auto& s : sum) s = _mm256_set1_ps(1.0f);
  const __m256 a = _mm256_set1_ps(0.999f), b = _mm256_set1_ps(0.001f);
  for (int64_t i = 0; i < steps; ++i)
    for (auto& s : sum) s = _mm256_fmadd_ps(s, a, b);
  float total = 0;
  for (auto& s : sum) total += s[0];
  return total;
}

[[gnu::target("avx512f,avx512bf16")]] float burn_bf16(int64_t steps) {
  __m512 sum[kChains];
  for (auto& s : sum) s = _mm512_set1_ps(1.0f);
  const auto a = (__m512bh)_mm512_set1_epi32(0x3a833a83);  // pairs of bf16 0.001
  for (int64_t i = 0; i < steps; ++i)
    for (auto& s : sum) s = _mm512_dpbf16_ps(s, a, a);
  float total = 0;
  for (auto& s : sum) total += s[0];
  return total;
}

double burn_rate(Burn burn, int flops_per_instruction) {
  constexpr int64_t kSteps = 4'000'000;
  const int threads = thread_count();
  volatile float keep = 0;
  const double seconds =
      fastest(Device::cpu, 5, [&] { parallel_for(threads, 1, [&](int64_t, int64_t) { keep = burn(kSteps); }); });
  return double(threads) * kSteps * kChains * flops_per_instruction / seconds;
}

// A block of a copy, past the caches, in four parts that advance together: no other copy is as fast.
using Copy = void (*)(char* to, const char* from);
constexpr std::size_t kCopyBlock = 128 << 10, kCopyPart = kCopyBlock / 4;

[[gnu::target("avx512f")]] void copy_avx512(char* to, const char* from) {
  for (std::size_t i = 0; i < kCopyPart; i += 64)
    for (std::size_t at = i; at < kCopyBlock; at += kCopyPart)
      _mm512_stream_si512(reinterpret_cast<__m512i*>(to + at), _mm512_load_si512(from + at));
  _mm_sfence();
}

[[gnu::target("avx2")]] void copy_avx2(char* to, const char* from) {
  for (std::size_t i = 0; i < kCopyPart; i += 32)
    for (std::size_t at = i; at < kCopyBlock; at += kCopyPart)
      _mm256_stream_si256(reinterpret_cast<__m256i*>(to + at),
                          _mm256_load_si256(reinterpret_cast<const __m256i*>(from + at)));
  _mm_sfence();
}

// As large as the maps that are timed: the last cache of a server holds hundreds of MiB.
double copy_rate(Copy copy) {
  constexpr std::size_t kBytes = 512u << 20;
  const Buffer from(Device::cpu, kBytes), to(Device::cpu, kBytes);
  std::memset(from.data(), 1, kBytes), std::memset(to.data(), 2, kBytes);
  const double seconds = fastest(Device::cpu, 5, [&] {
    parallel_for(kBytes / kCopyBlock, 1, [&](int64_t i, int64_t) {
      const std::size_t at = std::size_t(i) * kCopyBlock;
      copy(static_cast<char*>(to.data()) + at, static_cast<const char*>(from.data()) + at);
    });
  });
  return 2.0 * kBytes / seconds;
}

Roofline measure_cpu() {
  const bool wide = __builtin_cpu_supports("avx512f");
  Roofline r{.copy = copy_rate(wide ? copy_avx512 : copy_avx2),
             .f32 = wide ? burn_rate(burn_avx512, 32) : burn_rate(burn_avx2, 16)};
  r.low = __builtin_cpu_supports("avx512bf16") ? burn_rate(burn_bf16, 64) : r.f32;
  memory::trim(Device::cpu);
  return r;
}

// A GPU's matrix rate is what its library reaches on a large square product.
double matrix_rate(Device device, DType dtype) {
  constexpr int kSize = 8192;
  const Tensor x = random_tensor({kSize, kSize}, dtype, device), w = random_tensor({kSize, kSize}, dtype, device);
  const Tensor b = Tensor::zeros({kSize}, DType::f32, device), y({kSize, kSize}, DType::f32, device);
  const auto& kernels = PC_KERNELS(linear, device);
  const double seconds = fastest(device, 5, [&] {
    kernels.forward({.n = kSize, .in = kSize, .out = kSize}, dtype, x.data(), w.data(), b.as<float>(), y.as<float>());
  });
  return 2.0 * kSize * kSize * kSize / seconds;
}

Roofline measure_cuda() {
  constexpr std::size_t kBytes = 1u << 30;
  const Buffer from(Device::cuda, kBytes), to(Device::cuda, kBytes);
  memory::zero(Device::cuda, from.data(), kBytes);
  const double seconds = fastest(Device::cuda, 5, [&] {
    for (int i = 0; i < 10; ++i) memory::copy(Device::cuda, to.data(), Device::cuda, from.data(), kBytes);
  });
  return {.copy = 20.0 * kBytes / seconds,
          .f32 = matrix_rate(Device::cuda, DType::f32),
          .low = matrix_rate(Device::cuda, DType::f16)};
}

}  // namespace

double cached_copy(Device device) {
  const std::size_t bytes = device == Device::cpu ? 2u << 20 : 8u << 20;
  constexpr int kCopies = 200;
  const Buffer from(device, bytes), to(device, bytes);
  memory::zero(device, from.data(), bytes);
  const double seconds = fastest(device, 5, [&] {
    for (int i = 0; i < kCopies; ++i) memory::copy(device, to.data(), device, from.data(), bytes);
  });
  return 2.0 * kCopies * double(bytes) / seconds;
}

namespace {

// What bench_ceilings printed into the file $PC_ROOFLINE; a copy rate of 0 if there is none of this device.
Roofline measured_before(Device device) {
  const std::string file = environment("PC_ROOFLINE");
  if (file.empty() || !is_file(file)) return {};
  std::istringstream lines(read_file(file));
  for (std::string line; std::getline(lines, line);) {
    const auto row = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (row.is_object() && row.value("device", "") == name_of(device) && row.contains("copy_GB_per_s"))
      return {.copy = 1e9 * row.value("copy_GB_per_s", 0.0),
              .f32 = 1e12 * row.value("f32_TFLOP_per_s", 0.0),
              .low = 1e12 * row.value("16bit_TFLOP_per_s", 0.0)};
  }
  return {};
}

}  // namespace

const Roofline& roofline(Device device) {
  static std::array<Roofline, 2> known;
  Roofline& r = known[std::size_t(device)];
  if (r.copy == 0) r = measured_before(device);
  if (r.copy == 0) r = device == Device::cpu ? measure_cpu() : measure_cuda();
  return r;
}

}  // namespace pc::bench
