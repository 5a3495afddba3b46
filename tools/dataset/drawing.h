// Shaded shapes on a white ground: the products of a made-up catalog.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/image.h"

namespace pc {

// A class of products with the labels that Kaggle's set gives its like.
struct Product {
  const char *article, *category, *master, *name, *usage;
};
const std::vector<Product>& products();

struct Paint {
  const char* name;
  uint8_t r, g, b;
};
const std::vector<Paint>& paints();

// One picture of products()[product] in paints()[paint]: place, size, proportions, shading and noise follow from `seed`
// and `number`. The same pixels on every machine.
Image draw_product(std::size_t product, std::size_t paint, int h, int w, uint64_t seed, uint64_t number);

}  // namespace pc
