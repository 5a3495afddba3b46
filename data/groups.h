// Which images belong together: photos of one product, products of one name, a brand. A split deals groups whole.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace pc {

// The groups of two and more items, each sorted, in the order of their first items. Items in none stand alone.
using ItemGroups = std::vector<std::vector<uint32_t>>;

// Sets of items known to belong together; joining is transitive.
class Grouping {
 public:
  explicit Grouping(std::size_t items);
  void join(uint32_t a, uint32_t b);
  void join(const ItemGroups& groups);
  // Joins the items that have the same key, one per item; "" is not a key.
  void join_equal(const std::vector<std::string>& keys);
  ItemGroups large() const;

 private:
  uint32_t first_of(uint32_t item) const;
  mutable std::vector<uint32_t> parent_;  // the root of a group is its first item; look-ups shorten the way there
};

// Product names in lower case with single spaces: "Nike Men  Blue T-shirt " and "nike men blue t-shirt" are one.
std::vector<std::string> name_keys(const std::vector<std::string>& names);

// The brand, taken to be the letters and digits of the name's first word in lower case: "Levi's Men Jeans" -> "levis".
// Coarser than brands are (Lee and Lee Cooper are one), so that no brand is two.
std::vector<std::string> brand_keys(const std::vector<std::string>& names);

}  // namespace pc
