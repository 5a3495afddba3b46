#include "kernels/mix/mix.h"

#include <fmt/format.h>

#include "engine/ops.h"
#include "kernels/base/error.h"

namespace pc {

void mix(Tensor& pictures, const Tensor& pairs) {
  const Shape s = pictures.shape();
  if (s.size() != 4 || s[3] < 3 || s[3] > 8 || pairs.dtype() != DType::u8 ||
      pairs.size() != s[0] / 2 * int64_t(sizeof(MixPair)))
    fail_shape(fmt::format("mix: {} bytes of pairs for pictures {}; wants [n, h, w, 3 to 8] and n / 2 pairs",
                           pairs.size(), to_string(s)));
  if (s[0] < 2) return;
  PC_KERNELS(mix, pictures.device())
      .apply({.n = int(s[0]), .h = int(s[1]), .w = int(s[2]), .c = int(s[3])}, pictures.dtype(), pairs.as<MixPair>(),
             pictures.data());
}

}  // namespace pc
