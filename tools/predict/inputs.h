// What the command line of pcpredict names: files, folders and standard input, as a list of pictures.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "data/image.h"
#include "kernels/runtime/error.h"

namespace pc {

// One picture to predict, or a place without one: then `error` says why and `code` is its exit code.
struct InputPicture {
  std::string file;  // as the user would name it; "-" is standard input
  std::string error;
  Exit code = Exit::ok;
};

// A file stands for itself whatever its name; a folder for the pictures below it, by file name extension, sorted by
// path, without hidden files. A folder that cannot be read or holds no picture becomes an entry with an error.
std::vector<InputPicture> find_pictures(const std::vector<std::string>& inputs);

// Reads and decodes. Throws Error(file) "cannot open PATH: …", else what decode_image throws; Error(limit) above 512
// MiB.
Image read_picture(const std::string& file, const DecodeSettings& settings = {});

}  // namespace pc
