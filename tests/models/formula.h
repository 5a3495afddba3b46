// Numbers that this directory's Python and C++ compute identically: weights, images and signs from a 64-bit hash
// (formula.py is the same in Python).
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/module.h"
#include "engine/state.h"

namespace pc::test {

inline uint64_t fnv1a(std::string_view text) {
  uint64_t h = 0xCBF29CE484222325u;
  for (const char c : text) h = (h ^ uint8_t(c)) * 0x100000001B3u;
  return h;
}

// Word i of the splitmix64 stream seeded with the name's hash.
class Words {
 public:
  explicit Words(std::string_view name) : seed_(fnv1a(name)) {}
  uint64_t operator[](int64_t i) const {
    uint64_t x = seed_ + (uint64_t(i) + 1) * 0x9E3779B97F4A7C15u;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
  }
  double uniform(int64_t i) const { return double((*this)[i] >> 40) * 0x1p-24; }

 private:
  uint64_t seed_;
};

// The value of a network's member in our layout; `shape` is ours too.
inline Tensor member(const std::string& name, const Shape& shape) {
  const bool filter = shape.size() == 4;
  Tensor t(filter ? Shape{shape[0], shape[3], shape[1], shape[2]} : shape, DType::f32, Device::cpu);
  const Words words(name);
  const double bound = std::sqrt(6.0 / double(t.size() / shape[0]));
  for (int64_t i = 0; i < t.size(); ++i) {
    const double u = words.uniform(i);
    const double value = shape.size() > 1                ? (2 * u - 1) * bound
                         : name.ends_with("running_var") ? 0.75 + 0.5 * u
                         : name.ends_with("weight")      ? 0.8 + 0.4 * u
                                                         : 0.2 * u - 0.1;
    t.as<float>()[i] = float(value);
  }
  return filter ? oihw_to_krsc(t) : t;
}

inline void fill(Module& module, Device device = Device::cpu) {
  module.visit("", [&](const std::string& name, Var& v, Role) { v.set_value(member(name, v.shape()).to(device)); });
}

// n images of colored 8x8 blocks and noise, normalized, f32 [n, h, w, 3].
inline Tensor pictures(int seed, int n, int h, int w) {
  constexpr std::array<double, 3> mean{0.485, 0.456, 0.406}, deviation{0.229, 0.224, 0.225};
  const Words blocks("blocks " + std::to_string(seed)), noise("noise " + std::to_string(seed));
  const int64_t rows = (h + 7) / 8, columns = (w + 7) / 8;
  Tensor x({n, h, w, 3}, DType::f32, Device::cpu);
  for (int64_t i = 0; i < x.size(); ++i) {
    const int64_t c = i % 3, column = i / 3 % w, row = i / 3 / w % h, picture = i / 3 / w / h;
    const uint64_t block = blocks[((picture * rows + row / 8) * columns + column / 8) * 3 + c] >> 56;
    const uint64_t u8 = (7 * block + (noise[i] >> 56)) / 8;
    x.as<float>()[i] = float((double(u8) / 255 - mean[std::size_t(c)]) / deviation[std::size_t(c)]);
  }
  return x;
}

// What a golden file keeps of a tensor (PyTorch's layout): its norm, hashed +-1 projections and sampled elements.
struct Fingerprint {
  double norm = 0;
  std::vector<double> projections, samples;
};

inline Fingerprint fingerprint(const std::string& name, const Tensor& tensor, std::size_t projections) {
  const Tensor host = tensor.to(Device::cpu);
  const Tensor t = host.rank() == 4 ? krsc_to_oihw(host) : host;
  Fingerprint f{.projections = std::vector<double>(projections), .samples = {}};
  const Words signs("signs " + name), places("places " + name);
  for (int64_t i = 0; i < t.size(); ++i) {
    const double x = t.as<float>()[i];
    const uint64_t word = signs[i];
    f.norm += x * x;
    for (std::size_t j = 0; j < projections; ++j) f.projections[j] += (word >> j) & 1 ? x : -x;
  }
  f.norm = std::sqrt(f.norm);
  for (int64_t i = 0; i < 8; ++i) f.samples.push_back(t.as<float>()[places[i] % uint64_t(t.size())]);
  return f;
}

}  // namespace pc::test
