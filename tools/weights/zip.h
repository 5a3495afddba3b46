// The zip container of torch.save: read in place, every number checked; and written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
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

// Whether the archive ends as it should; else it is cut off or something stands behind it.
bool ends_with_directory(std::span<const std::byte> archive);

// What the first local header tells of the first record, for archives that are cut off; its data run to their end.
// Error(data) where even the header is cut.
ZipRecord first_record(std::span<const std::byte> archive, const std::string& file);

// A record to be written.
struct ZipPart {
  std::string name;
  std::span<const std::byte> data;
};

// Writes them in their order, uncompressed, with checksums, their data 64-byte aligned; atomic, and the same bytes
// every time. Error(limit) over 4 GB or 65,534 parts, Error(file).
void write_zip(const std::filesystem::path& path, const std::vector<ZipPart>& parts);

// Throws Error(data) where the record's bytes do not have its CRC-32.
void check_crc(const ZipRecord& record, const std::string& file);

}  // namespace pc
