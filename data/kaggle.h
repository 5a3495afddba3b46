// Kaggle's "Fashion Product Images": styles.csv with one row per product, images/ID.jpg next to it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "data/catalog.h"
#include "data/tree.h"

namespace pc::data::detail {

// `table` is the path of styles.csv in the tree (data/table_files.h).
DataSet open_kaggle(std::shared_ptr<const FileTree> tree, const std::string& table,
                    const std::vector<std::string>& columns);

}  // namespace pc::data::detail
