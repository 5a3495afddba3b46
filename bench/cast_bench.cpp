// cast: every parameter of ResNet18 to a 16-bit type and back.
#include "bench/bench.h"
#include "kernels/cast/cast.h"

namespace pc::bench {
namespace {

void add_cast(Device device, DType from, DType to) {
  constexpr int64_t n = 11'249'999;
  const double bytes = double(n) * double(size_of(from) + size_of(to));
  add(std::string("forward/") + name_of(device) + "/" + name_of(from) + "_to_" + name_of(to), [=] {
    const auto x = std::make_shared<Ring>(Shape{n}, from, device, copies_for(bytes));
    const auto y = std::make_shared<Ring>(Shape{n}, to, device, copies_for(bytes));
    return Subject{{device, DType::f32, double(n), bytes},
                   [=](int64_t i) { PC_KERNELS(cast, device).forward(n, from, (*x)[i], to, (*y)[i]); },
                   {y.get()}};
  });
}

}  // namespace

void register_all() {
  measure_rooflines();
  for (const Setting& setting : settings())
    for (const DType low : {DType::bf16, DType::f16}) {
      add_cast(setting.device, DType::f32, low);
      add_cast(setting.device, low, DType::f32);
    }
}

}  // namespace pc::bench
