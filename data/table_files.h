// Tables that lie beside images: which of them holds the labels, and a word on the others.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "data/catalog.h"
#include "data/tree.h"

namespace pc::data::detail {

constexpr uint64_t kMaxTableBytes = uint64_t(1) << 30;

bool is_table(std::string_view path);  // CSV, TSV, JSON, JSON lines, spreadsheets, Parquet, by the name

// The directory of images that belongs to a table, "images/" next to it in any letter case; "" if there is none.
std::string images_beside(const FileTree& tree, std::string_view table);

// The path of the table to read: styles.csv or styles.tsv in any letter case, at the top or up to two directories down
// (not the copy of everything under myntradataset/), else the only CSV or TSV file with a column "id" next to a directory
// images/. "" if there is none. Error(data) naming them if several could be meant.
std::string find_table(const FileTree& tree);

// How labels can be given when no table is read: "move the images into a folder per class, or …".
extern const char* const kWaysToLabel;

// Warns of each table of the tree but `used`, "" for none: it is not read, and what can be done. Lists them in report.unused_tables.
void warn_of_unused_tables(const FileTree& tree, const std::string& used, Catalog::Report& report);

}  // namespace pc::data::detail
