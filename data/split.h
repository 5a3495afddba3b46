// Which images train, validate and test; and what becomes of rare classes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/catalog.h"
#include "data/groups.h"

namespace pc {

enum class RareClasses : uint8_t { other, drop };  // one class "Other", or no label

// How many images each class of a column has.
std::vector<int64_t> class_counts(const Catalog& catalog, std::size_t column);

// Classes with fewer images than their column's min_count, one number a column, become "Other" or are dropped (label
// -1; the image stays, for other columns). Class lists stay sorted. Returns the folded classes per column. Call before
// make_split.
std::vector<std::vector<std::string>> fold_rare_classes(Catalog& catalog, const std::vector<int64_t>& min_counts,
                                                        RareClasses what);

// Error(data) naming the column, its only class and the count if a column has fewer than two classes.
void check_classes(const Catalog& catalog);

struct SplitSettings {
  double val = 0.1, test = 0.1;  // fractions of the data set, each in [0, 1), together < 1
  uint64_t seed = 1;
  int column = 0;  // stratified by this label column; -1: by none
};

// One entry per item; a group is dealt whole. Each class is dealt in the fractions asked for, what cannot be dealt
// exactly is carried to the next class, so totals are right to one image if there are enough single images. A
// group of several classes counts as its first image's. Of every class of every column at least one group trains, so
// an image that is alone in its class always does. Depends on seed, labels, groups and order only: the same on every
// machine. A split that comes with the data set is kept, groups or not; if it has no val, val is a fraction of its
// training images.
std::vector<Split> make_split(const Catalog& catalog, const ItemGroups& groups, const SplitSettings& settings);

// Whole years for testing, the newest first, until they hold `fraction` of the images; all else trains, images
// without a year too. Errors: Error(usage) if the catalog has no years, Error(data) naming an image whose year is
// not a number, or if no earlier year would be left.
std::vector<Split> newest_years(const Catalog& catalog, double fraction);

// Hash of the file names in their order: data sets of equal hash number their images alike.
uint64_t files_hash(const Catalog& catalog);

// Takes out of use what leaks: of a group on several sides only its test images stay, or its val images if none
// is for testing. Returns how many images that were.
int64_t part_groups(std::vector<Split>& split, const ItemGroups& groups);

// How many test images have one of their group in train or val.
int64_t count_leaks(const std::vector<Split>& split, const ItemGroups& groups);

}  // namespace pc
