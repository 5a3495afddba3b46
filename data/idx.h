// IDX files as MNIST and Fashion-MNIST come in: a folder of four.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "data/catalog.h"

namespace pc::detail {

bool is_idx(const std::filesystem::path& root);
DataSet open_idx(const std::filesystem::path& root, const std::vector<std::string>& columns);

}  // namespace pc::detail
