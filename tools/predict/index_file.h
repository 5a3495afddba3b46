// The file of an index, as pcindex writes it and neighbors.h searches it.
//
// safetensors: features F32 [n,c], every row of length 1; files U8, the names of the images with a NUL byte after each;
// and in its metadata "pc.index", which names the weights and the preprocessing they come from.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "engine/safetensors.h"

namespace pc::predict {

struct IndexFile {
  WeightFile file;
  const FileTensor* features;      // of `file`: f32 [n,c], n and c from 1 to 2^30
  std::vector<std::string> names;  // n
};

// Reads the file, which may change afterwards. Error(data) naming what is wrong with it, or that it was made with other weights than `backbone`;
// Error(file) if it cannot be opened.
IndexFile read_index(const std::filesystem::path& path, const std::string& backbone);

// `names`: a NUL byte after each. Atomic, as write_safetensors.
void write_index(const std::filesystem::path& path, const std::vector<float>& features,
                 const std::vector<uint8_t>& names, int64_t images, const std::string& backbone);

}  // namespace pc::predict
