// Which pictures train, validate and test; and what becomes of rare classes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/catalogue.h"

namespace pc {

enum class RareClasses : uint8_t { other, drop };  // one class "Other", or no label

// Classes of every column with fewer than min_count pictures become "Other" or are dropped (label -1; the picture
// stays, for other columns). Class lists stay sorted. Returns the folded classes per column. Call before make_split.
std::vector<std::vector<std::string>> fold_rare_classes(Catalogue& catalogue, int64_t min_count, RareClasses what);

// Error(data) naming the column, its only class and the count where a column has fewer than two classes.
void check_classes(const Catalogue& catalogue);

struct SplitSettings {
  double val = 0.1, test = 0.1;  // fractions of the data set, each in [0, 1), together < 1
  uint64_t seed = 1;
  int column = 0;  // stratified by this label column
};

// One entry per item. Each class is dealt in the fractions asked for, rounding errors carried from class to class, so
// totals are right to one picture; at least one picture of every class trains, so a singleton always does. Depends on
// seed, labels and order only: the same on every machine. A split that comes with the data set is kept; where that has
// no val, val is a fraction of its training pictures.
std::vector<Split> make_split(const Catalogue& catalogue, const SplitSettings& settings);

}  // namespace pc
