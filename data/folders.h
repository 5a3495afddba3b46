// One folder of images per class, below common folders or at the top; folders of a split above the classes, or below
// each class.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "data/catalog.h"
#include "data/tree.h"

namespace pc::data::detail {

// Errors: Error(data) naming the folders when a split cannot be told from classes, or when nothing names the classes.
DataSet open_folders(std::shared_ptr<const FileTree> tree, const std::vector<std::string>& columns);

}  // namespace pc::data::detail
