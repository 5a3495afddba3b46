// oneDNN on the convolutions of bench_conv2d, with its own layouts and its own choice of kernels, for comparison with
// our CPU kernels.
//
// Reordering of images and filters into those layouts is not timed, so an NHWC engine with oneDNN would take at least
// these times.
#include <dnnl.hpp>
#include <unordered_map>

#include "bench/bench.h"

namespace pc::bench {
namespace {

using dnnl::memory;
using Arguments = std::unordered_map<int, memory>;

struct Setup {
  dnnl::engine engine{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream{engine};
};

Setup& setup() {
  static Setup shared;
  return shared;
}

// Memory of one descriptor, filled with random values.
memory filled(const memory::desc& d) {
  memory m(d, setup().engine);
  const bool f32 = d.data_type() == memory::data_type::f32;
  const auto values =
      random_tensor({int64_t(d.get_size() / (f32 ? 4 : 2))}, f32 ? DType::f32 : DType::bf16, Device::cpu);
  std::copy_n(values.as<char>(), values.bytes(), static_cast<char*>(m.get_data_handle()));
  return m;
}

struct Problem {
  memory::desc x, w, dw, y;
  memory::dims stride, pad;
  explicit Problem(const Conv2dShape& s, DType t) : stride{s.stride, s.stride}, pad{s.pad.top, s.pad.left} {
    const auto type = t == DType::f32 ? memory::data_type::f32 : memory::data_type::bf16;
    const auto any = memory::format_tag::any;
    x = {{s.n, s.c, s.h, s.w}, type, any};
    w = {{s.k, s.c, s.r, s.s}, type, any};
    dw = {{s.k, s.c, s.r, s.s}, memory::data_type::f32, any};
    y = {{s.n, s.k, s.p(), s.q()}, type, any};
  }
  dnnl::convolution_forward::primitive_desc forward() const {
    return {{dnnl::prop_kind::forward_training, dnnl::algorithm::convolution_direct, x, w, y, stride, pad, pad},
            setup().engine};
  }
};

Subject subject(const Work& work, const dnnl::primitive& primitive,
                const std::vector<std::pair<int, memory::desc>>& descs) {
  Arguments arguments;
  for (const auto& [id, desc] : descs) arguments.emplace(id, filled(desc));
  return {work,
          [=](int64_t) {
            primitive.execute(setup().stream, arguments);
            setup().stream.wait();
          },
          {}};
}

void add_layer(const std::string& where, const ConvLayer& layer, DType dtype) {
  const Conv2dShape s = layer.shape;
  const double x = double(s.n) * s.h * s.w * s.c, y = double(s.n) * s.p() * s.q() * s.k,
               w = double(s.k) * s.r * s.s * s.c;
  const Work work{Device::cpu, dtype, 2 * y * s.r * s.s * s.c, (x + y + w) * double(size_of(dtype)), layer.count};
  const Problem problem(s, dtype);
  const auto direct = dnnl::algorithm::convolution_direct;
  add("forward/" + where + "/" + layer.name, [=] {
    const auto f = problem.forward();
    return subject(work, dnnl::convolution_forward(f),
                   {{DNNL_ARG_SRC, f.src_desc()}, {DNNL_ARG_WEIGHTS, f.weights_desc()}, {DNNL_ARG_DST, f.dst_desc()}});
  });
  if (layer.name != "stem")
    add("backward_data/" + where + "/" + layer.name, [=] {
      const dnnl::convolution_backward_data::primitive_desc b(
          {direct, problem.x, problem.w, problem.y, problem.stride, problem.pad, problem.pad}, setup().engine,
          problem.forward());
      return subject(work, dnnl::convolution_backward_data(b),
                     {{DNNL_ARG_DIFF_SRC, b.diff_src_desc()},
                      {DNNL_ARG_WEIGHTS, b.weights_desc()},
                      {DNNL_ARG_DIFF_DST, b.diff_dst_desc()}});
    });
  add("backward_weight/" + where + "/" + layer.name, [=] {
    const dnnl::convolution_backward_weights::primitive_desc b(
        {direct, problem.x, problem.dw, problem.y, problem.stride, problem.pad, problem.pad}, setup().engine,
        problem.forward());
    return subject(work, dnnl::convolution_backward_weights(b),
                   {{DNNL_ARG_SRC, b.src_desc()},
                    {DNNL_ARG_DIFF_WEIGHTS, b.diff_weights_desc()},
                    {DNNL_ARG_DIFF_DST, b.diff_dst_desc()}});
  });
}

}  // namespace

void register_all() {
  measure_rooflines();
  for_each_setting([](Device device, DType dtype, const Setting::Input& input) {
    if (device != Device::cpu) return;
    for (const ConvLayer& layer : resnet18_convs(input)) add_layer(label(device, dtype, input), layer, dtype);
  });
}

}  // namespace pc::bench
