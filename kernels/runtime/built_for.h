// Which instruction sets the CPU kernels were compiled for.
#pragma once

namespace pc {

struct BuiltFor {
  bool avx2 = false, fma = false, f16c = false, bmi2 = false;
  bool avx512f = false, avx512bw = false, avx512dq = false, avx512vl = false;
  bool avx512vbmi = false, avx512vnni = false, avx512bf16 = false;
  int lanes() const { return avx512f ? 16 : 8; }  // f32 in a vector: simd::kLanes
};
extern const BuiltFor built_for;

}  // namespace pc
