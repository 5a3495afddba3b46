// What `pcdata inspect` finds out about a data set: every picture decoded, every label counted, near-identical pictures
// compared.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "data/catalog.h"
#include "data/near_duplicates.h"
#include "data/store.h"

namespace pc::dataset {

struct ClassCount {
  std::string name;
  int64_t count = 0;
  std::size_t label = 0;  // index into the catalog's classes
};

struct ColumnFacts {
  std::string name;
  std::vector<ClassCount> classes;  // the largest first, equal ones by name
  int64_t labeled = 0, missing = 0;
  double majority() const;  // the share of the largest class: what guessing it always scores
  int64_t classes_below(int64_t count) const;
};

// A group of near-identical pictures whose labels in one column differ: at least one of them is likely wrong.
struct Disagreement {
  std::vector<uint32_t> items;     // those that have a label
  std::vector<uint32_t> suspects;  // the minority where more than half agree; else all
};

using Counts = std::vector<std::pair<std::string, int64_t>>;  // the largest first, equal ones by name

struct Inspection {
  int64_t pictures = 0, readable = 0;
  Counts sizes;  // "60x80", width first
  Counts modes;  // "JPEG, RGB"
  std::vector<data::BadImage> unreadable;
  std::vector<ColumnFacts> columns;
  std::vector<std::vector<uint32_t>> groups;             // near duplicates
  std::vector<std::vector<Disagreement>> disagreements;  // per column
};

// Decodes every picture on all threads; `progress` is called from this thread. Keeps less than 1 KB per picture.
Inspection inspect(const data::DataSet& data, const data::PackProgress& progress = {});

// The counts of one label column.
ColumnFacts column_facts(const data::Catalog& catalog, std::size_t column);

// What tables and pages show for each of the column's classes (data::told_apart).
std::vector<std::string> shown_names(const ColumnFacts& column);

// The groups that disagree in one column.
std::vector<Disagreement> disagreements_in(const data::Catalog& catalog, std::size_t column,
                                           const std::vector<std::vector<uint32_t>>& groups);

// The text of an item's label, "" where it has none.
const std::string& label_of(const data::Catalog& catalog, std::size_t item, std::size_t column);

}  // namespace pc::dataset
