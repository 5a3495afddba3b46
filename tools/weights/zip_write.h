// Writes the zip container of torch.save.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace pc::weights {

// A record to be written.
struct ZipPart {
  std::string name;
  std::span<const std::byte> data;
};

// Writes them in their order, uncompressed, with checksums, their data 64-byte aligned; atomic, and the same bytes
// every time. `check_source` is called when all is written, before the file gets its name. Error(limit) over 4 GB or
// 65,534 parts, Error(file).
void write_zip(const std::filesystem::path& path, const std::vector<ZipPart>& parts,
               const std::function<void()>& check_source);

}  // namespace pc::weights
