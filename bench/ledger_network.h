// ResNet18 as the ledger counts it: the shapes of its convolutions and how many values each tensor has.
#pragma once

#include <fmt/format.h>

#include <string>
#include <vector>

#include "kernels/conv2d/conv2d.h"

namespace pc::bench {

struct Conv {
  std::string name;
  Conv2dShape shape;
  double x, w, y;  // elements
  double flops() const { return 2 * y * shape.c * shape.r * shape.s; }
};

inline Conv make_conv(const std::string& name, const Conv2dShape& s) {
  return {.name = name,
          .shape = s,
          .x = double(s.n) * s.h * s.w * s.c,
          .w = double(s.k) * s.r * s.s * s.c,
          .y = double(s.n) * s.p() * s.q() * s.k};
}

struct Block {
  std::string name;
  Conv first, second;
  bool has_shortcut = false;
  Conv shortcut;
};

struct Network {
  Conv stem;  // over channels padded to `stem_channels`
  double pooled;
  std::vector<Block> blocks;
  int n, classes, features = 512;
  double parameters = 0;
};

inline Network resnet18(int n, int h, int w, int classes, int stem_channels) {
  Network net{.n = n, .classes = classes};
  net.stem =
      make_conv("conv1", {.n = n, .h = h, .w = w, .c = stem_channels, .k = 64, .r = 7, .s = 7, .stride = 2, .pad = 3});
  h = (net.stem.shape.p() + 1) / 2, w = (net.stem.shape.q() + 1) / 2;
  net.pooled = double(n) * h * w * 64;
  net.parameters = 64 * 7 * 7 * 3 + 2 * 64 + double(net.features) * classes + classes;
  for (int stage = 1, c = 64; stage <= 4; ++stage)
    for (int i = 0; i < 2; ++i) {
      const int k = 32 << stage, stride = stage > 1 && i == 0 ? 2 : 1;
      const std::string name = fmt::format("l{}.{}", stage, i);
      Block b{.name = name};
      b.first =
          make_conv(name + ".c1", {.n = n, .h = h, .w = w, .c = c, .k = k, .r = 3, .s = 3, .stride = stride, .pad = 1});
      if (stride == 2)
        b.has_shortcut = true,
        b.shortcut = make_conv(name + ".ds", {.n = n, .h = h, .w = w, .c = c, .k = k, .r = 1, .s = 1, .stride = 2});
      h = b.first.shape.p(), w = b.first.shape.q(), c = k;
      b.second =
          make_conv(name + ".c2", {.n = n, .h = h, .w = w, .c = c, .k = k, .r = 3, .s = 3, .stride = 1, .pad = 1});
      net.parameters += b.first.w + b.second.w + 4 * k + (b.has_shortcut ? b.shortcut.w + 2 * k : 0);
      net.blocks.push_back(b);
    }
  return net;
}

}  // namespace pc::bench
