// conv2d over the convolutions of ResNet18, and depthwise ones: forward, both gradients, and fused inference.
#include "bench/bench.h"
#include "kernels/conv2d/conv2d.h"

namespace pc::bench {
namespace {

struct Buffers {
  Ring x, y, dx;
  Ring w, dw, bias;
  std::unique_ptr<PackedFilter> filter;
  Buffers(const Conv2dShape& s, DType t, Device d, int copies)
      : x({s.n, s.h, s.w, s.x_channels()}, t, d, copies),
        y({s.n, s.p(), s.q(), s.k}, t, d, copies),
        dx({s.n, s.h, s.w, s.x_channels()}, t, d, copies),
        w({s.k, s.r, s.s, s.group_c()}, t, d, 1),
        dw({s.k, s.r, s.s, s.group_c()}, DType::f32, d, 1),
        bias({s.k}, DType::f32, d, 1) {}
};

void add_layer(const std::string& where, const ConvLayer& layer, Device device, DType dtype) {
  const auto* kernels = &PC_KERNELS(conv2d, device);
  Conv2dShape s = layer.shape;
  if (s.groups == 1) s.x_c = kernels->best_channels(s.c, dtype);  // as in the output of augment
  const double x = double(s.n) * s.h * s.w * s.x_channels(), y = double(s.n) * s.p() * s.q() * s.k,
               w = double(s.k) * s.r * s.s * s.group_c();
  const double bytes = (x + y + w) * double(size_of(dtype));
  const Work work{device, dtype, 2 * y * s.r * s.s * s.group_c(), bytes, layer.count};
  const auto buffers = [=] { return std::make_shared<Buffers>(s, dtype, device, copies_for(bytes)); };
  add("forward/" + where + "/" + layer.name, [=] {
    const auto b = buffers();
    return Subject{work, [=](int64_t i) { kernels->forward(s, dtype, b->x[i], b->w[0], nullptr, b->y[i]); }, {&b->y}};
  });
  for (const bool sum : {false, true}) {
    if (layer.name == "stem") break;  // images need no gradient
    Work moved = work;
    if (sum) moved.bytes += x * double(size_of(dtype));
    add((sum ? "backward_data_add/" : "backward_data/") + where + "/" + layer.name, [=] {
      const auto b = buffers();
      return Subject{
          moved, [=](int64_t i) { kernels->backward_data(s, dtype, b->y[i], b->w[0], sum, b->dx[i]); }, {&b->dx}};
    });
  }
  add("backward_weight/" + where + "/" + layer.name, [=] {
    const auto b = buffers();
    return Subject{
        work, [=](int64_t i) { kernels->backward_weight(s, dtype, b->x[i], b->y[i], b->dw.f32(0)); }, {&b->dw}};
  });
  add("infer/" + where + "/" + layer.name, [=] {
    const auto b = buffers();
    const Ring master({s.k, s.r, s.s, s.group_c()}, DType::f32, device, 1);
    b->filter = kernels->pack(s, dtype, master.f32(0), b->bias.f32(0));
    return Subject{
        work, [=](int64_t i) { kernels->infer(s, *b->filter, b->x[i], nullptr, Activation::relu, b->y[i]); }, {&b->y}};
  });
}

// x and y of a stride of 1 have 1.1 GiB in f32.
void add_depthwise(Device device, DType dtype) {
  const Setting::Input input{320, 56, 56};
  for (const int kernel : {3, 5, 7})
    for (const int stride : {1, 2}) {
      const Conv2dShape s{.n = input.n,
                          .h = input.h,
                          .w = input.w,
                          .c = 144,
                          .k = 144,
                          .r = kernel,
                          .s = kernel,
                          .stride = stride,
                          .pad = kernel / 2,
                          .groups = 144};
      add_layer(label(device, dtype, input),
                {"depthwise" + std::to_string(kernel) + "s" + std::to_string(stride), s, 1}, device, dtype);
    }
}

}  // namespace

void register_all() {
  measure_rooflines();
  for_each_setting([](Device device, DType dtype, const Setting::Input& input) {
    for (const ConvLayer& layer : resnet18_convs(input)) add_layer(label(device, dtype, input), layer, device, dtype);
  });
  for (const Setting& setting : settings())
    for (const DType dtype : setting.dtypes) add_depthwise(setting.device, dtype);
}

}  // namespace pc::bench
