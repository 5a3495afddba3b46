// The zip container of torch.save, read in place, every number checked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace pc {

struct ZipRecord {
  std::string name;
  uint32_t crc32 = 0;               // of the unpacked bytes
  bool compressed = false;          // torch.save never does; TorchScript does
  std::span<const std::byte> data;  // within the archive, as stored
};

// The records in the order of their data. `file` stands for the archive in messages.
//
// Accepted is what PyTorch's writer makes: records one behind the other from the first byte, zip64 or not, the
// directory at the very end. Refused with Error(data): encryption, split archives, duplicate names, local headers that
// disagree with the directory, overlaps, hidden bytes, and a missing directory (a truncated download). Checksums are
// not compared here.
std::vector<ZipRecord> read_zip_directory(std::span<const std::byte> archive, const std::string& file);

// Throws Error(data) where the record's bytes do not have its CRC-32.
void check_crc(const ZipRecord& record, const std::string& file);

}  // namespace pc
