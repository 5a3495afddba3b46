// The cases of dropout and drop_path.
#pragma once

#include <numeric>

#include "kernels/dropout/dropout.h"
#include "tests/ops/op_case.h"

namespace pc::test {

// The factor of one element, from the definition of its key: seed 7, epoch 3, layer 5, images 10, 11, …
inline double dropout_factor(float p, bool whole_image, uint64_t image, uint64_t element) {
  const uint64_t at = whole_image ? 0 : element;
  const Philox random = philox(7, uint64_t(4) << 48 | uint64_t(5) << 32 | 3, image << 32 | at / 4);
  return uniform(random.word[at % 4]) < p ? 0 : 1 / (1 - double(p));
}

inline OpCase dropout_case(const Shape& x, float p, bool whole_image) {
  const auto n = std::size_t(x[0]), elements = std::size_t(element_count(x)) / n;
  return {.name = (whole_image ? "drop_path " : "dropout ") + to_string(x),
          .inputs = {{.shape = x, .backward_reads = 0}},
          .reference =
              [=](const std::vector<Values>& in) {
                Values y = in[0];
                for (std::size_t i = 0; i < y.size(); ++i)
                  y[i] *= dropout_factor(p, whole_image, 10 + i / elements, i % elements);
                return y;
              },
          .run =
              [=](const std::vector<Var>& in) {
                std::vector<uint64_t> images(n);
                std::iota(images.begin(), images.end(), 10);
                const DropoutOptions options{
                    .p = p, .layer = 5, .batch = dropout_batch(7, 3, images, in[0].value().device())};
                return whole_image ? drop_path(in[0], options) : dropout(in[0], options);
              },
          .flops = double(element_count(x)),
          .backward_flops = double(element_count(x))};
}

inline std::vector<OpCase> dropout_cases() {
  std::vector<OpCase> cases;
  for (const bool whole_image : {false, true}) {
    for (int64_t c = 1; c <= 35; c += c < 18 ? 1 : 5) cases.push_back(dropout_case({3, c}, 0.3f, whole_image));
    cases.push_back(dropout_case({2, 3, 3, 64}, 0.5f, whole_image));
    cases.push_back(dropout_case({5, 3001}, 0.1f, whole_image));
  }
  return cases;
}

inline std::vector<OpCase> dropout_timed() {
  return {dropout_case({64, 112, 112, 168}, 0.2f, false), dropout_case({64, 112, 112, 168}, 0.2f, true)};
}

}  // namespace pc::test
