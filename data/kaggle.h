// Kaggle's "Fashion Product Images": styles.csv with one row per product, images/ID.jpg next to it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "data/catalog.h"
#include "data/tree.h"

namespace pc::detail {

// The path of the styles.csv to use, "" if there is none.
std::string find_styles(const FileTree& tree);
DataSet open_kaggle(std::shared_ptr<const FileTree> tree, const std::string& styles,
                    const std::vector<std::string>& columns);

}  // namespace pc::detail
