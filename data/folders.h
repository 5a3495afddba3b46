// One folder of images per class; optionally below one common folder, optionally below train/, val/ and test/.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "data/catalog.h"
#include "data/tree.h"

namespace pc::detail {

DataSet open_folders(std::shared_ptr<const FileTree> tree, const std::vector<std::string>& columns);

}  // namespace pc::detail
