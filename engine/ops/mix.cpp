#include "kernels/mix/mix.h"

#include <fmt/format.h>

#include "engine/ops.h"
#include "kernels/runtime/error.h"

namespace pc {

void mix(Tensor& pictures, const std::vector<MixPair>& pairs) {
  const Shape s = pictures.shape();
  if (s.size() != 4 || s[3] != 3 || int64_t(pairs.size()) != s[0] / 2)
    fail_shape(fmt::format("mix: {} pairs for pictures {}; wants [n, h, w, 3] and n / 2 pairs", pairs.size(), to_string(s)));
  if (pairs.empty()) return;
  const std::size_t bytes = pairs.size() * sizeof(MixPair);
  Buffer table(pictures.device(), bytes);
  memory::copy(pictures.device(), table.data(), Device::cpu, pairs.data(), bytes);
  PC_KERNELS(mix, pictures.device())
      .apply({.n = int(s[0]), .h = int(s[1]), .w = int(s[2])}, pictures.dtype(), table.as<MixPair>(), pictures.data());
}

}  // namespace pc
