// batch_norm after each kind of convolution of ResNet18: with ReLU alone, and as the end of a block with the residual.
#include "bench/norm_vectors.h"
#include "kernels/batch_norm/batch_norm_persistent.h"

namespace pc::bench {
namespace {

constexpr BatchNormChip kH100{.multiprocessors = 132, .shared_bytes = 232448};

struct Buffers : NormVectors {
  Ring x, y, residual, dy, dx, dresidual, mask;
  Buffers(const BatchNormShape& s, DType t, Device d, int copies)
      : NormVectors(s.c, d),
        x({s.rows, s.c}, t, d, copies),
        y(x),
        residual(x),
        dy(x),
        dx(x),
        dresidual(x),
        mask({s.mask_bytes() / 4 + 1}, DType::f32, d, copies) {}
  uint8_t* bits(int64_t i) const { return mask.at(i).as<uint8_t>(); }
};

struct Layer {
  BatchNormShape shape;
  DType dtype;
  Device device;
  bool residual, persistent;
  int count;  // in the network
};

// Bytes of `tensors` tensors and `masks` bits of a ReLU mask for each of their elements.
double moved(const Layer& l, int tensors, int masks) {
  return double(tensors) * double(l.shape.rows) * l.shape.c * double(size_of(l.dtype)) +
         double(masks) * double(l.shape.mask_bytes());
}

std::shared_ptr<Buffers> buffers_of(const Layer& l) {
  return std::make_shared<Buffers>(l.shape, l.dtype, l.device, copies_for(moved(l, 3, 0)));
}

// The statistics need all of x before the first y: x is read twice unless it stays on chip.
Subject forward(const Layer& l) {
  const auto b = buffers_of(l);
  const auto* kernels = &PC_KERNELS(batch_norm, l.device);
  const int tensors = (l.persistent ? 2 : 3) + l.residual;
  return {{l.device, l.dtype, 8 * double(l.shape.rows) * l.shape.c, moved(l, tensors, 1), l.count},
          [=](int64_t i) {
            kernels->forward_train(l.shape, l.dtype,
                                   {.x = b->x[i],
                                    .gamma = b->gamma.f32(0),
                                    .beta = b->beta.f32(0),
                                    .eps = 1e-5f,
                                    .momentum = 0.1f,
                                    .residual = l.residual ? b->residual[i] : nullptr,
                                    .activation = Activation::relu,
                                    .running_mean = b->running_mean.f32(0),
                                    .running_var = b->running_var.f32(0),
                                    .y = b->y[i],
                                    .mean = b->mean.f32(0),
                                    .invstd = b->invstd.f32(0),
                                    .mask = b->bits(i),
                                    .persistent = l.persistent});
          },
          {&b->y}};
}

// So are dy, x and the mask in the backward pass.
Subject backward(const Layer& l) {
  const auto b = buffers_of(l);
  const auto* kernels = &PC_KERNELS(batch_norm, l.device);
  const int tensors = (l.persistent ? 3 : 5) + l.residual;
  return {{l.device, l.dtype, 12 * double(l.shape.rows) * l.shape.c, moved(l, tensors, l.persistent ? 1 : 2), l.count},
          [=](int64_t i) {
            kernels->backward(l.shape, l.dtype,
                              {.dy = b->dy[i],
                               .x = b->x[i],
                               .gamma = b->gamma.f32(0),
                               .mean = b->mean.f32(0),
                               .invstd = b->invstd.f32(0),
                               .activation = Activation::relu,
                               .mask = b->bits(i),
                               .dx = b->dx[i],
                               .dresidual = l.residual ? b->dresidual[i] : nullptr,
                               .dgamma = b->dgamma.f32(0),
                               .dbeta = b->dbeta.f32(0),
                               .persistent = l.persistent});
          },
          {&b->dx}};
}

// On a GPU also in one launch, for the shapes that fit on an H100: the same name with the suffix /persistent.
void add_layer(const std::string& name, Layer l) {
  const auto fits = [&](int tensors) {
    return l.device == Device::cuda && batch_norm_tile(l.shape, l.dtype, tensors, kH100);
  };
  add("forward_train/" + name, [=] { return forward(l); });
  add("backward/" + name, [=] { return backward(l); });
  l.persistent = true;
  if (fits(1)) add("forward_train/" + name + "/persistent", [=] { return forward(l); });
  if (fits(2)) add("backward/" + name + "/persistent", [=] { return backward(l); });
}

}  // namespace

void register_all() {
  measure_rooflines();
  for_each_setting([](Device device, DType dtype, const Setting::Input& input) {
    for (const ConvLayer& layer : resnet18_convs(input)) {
      const Conv2dShape& c = layer.shape;
      const bool block = layer.name.ends_with(".3x3");  // two blocks in every stage end with a residual
      Layer l{.shape = {.rows = int64_t(c.n) * c.p() * c.q(), .c = c.k},
              .dtype = dtype,
              .device = device,
              .residual = false,
              .persistent = false,
              .count = block ? layer.count - 2 : layer.count};
      const std::string name = label(device, dtype, input) + "/" + layer.name;
      add_layer(name, l);
      l.residual = true, l.count = 2;
      if (block) add_layer(name + "+residual", l);
    }
  });
}

}  // namespace pc::bench
