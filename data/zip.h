// A zip archive read in place, every number of its directory checked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pc::data {

struct ZipRecord {
  std::string name;
  std::string_view utf8_name = {};  // within the archive; empty if it names none besides `name`
  uint32_t crc32 = 0;               // of the unpacked bytes
  uint16_t mode = 0;                // Unix type and permissions; 0 if the packer left none
  bool compressed = false;          // deflated
  uint64_t bytes = 0;               // unpacked, as declared
  std::span<const std::byte> data;  // within the archive, as stored
};

// How far an archive may stray from what torch.save writes.
struct ZipRules {
  uint64_t max_records = 200'000;
  // After the directory at most 64 KiB: a comment, as GitHub's archives have one, or bytes that mail and web servers
  // append; also a place for a second file.
  bool trailer = false;
};

// The records in the order of their data. `file` stands for the archive in messages.
//
// Accepted are records one after the other from the first byte, stored or deflated, zip64 or not, with descriptors or
// without, the directory at the very end. Refused with Error(data): encryption, split archives, duplicate names, local headers that disagree with the
// directory, overlaps, hidden bytes, and a missing directory (a truncated download); with Error(limit) too many
// records. Memory: below 200 bytes per record and its name twice. The data themselves are not looked at.
std::vector<ZipRecord> read_zip_directory(std::span<const std::byte> archive, const std::string& file,
                                          const ZipRules& rules = {});

// Whether the archive ends as torch.save's do; else it is truncated or something follows it.
bool ends_with_directory(std::span<const std::byte> archive);

// What the first local header says of the first record, for archives that are truncated; its data run to their end.
// Error(data) if even the header is truncated.
ZipRecord first_record(std::span<const std::byte> archive, const std::string& file);

// Throws Error(data) if the record's bytes, as stored, do not have its CRC-32.
void check_crc(const ZipRecord& record, const std::string& file);

}  // namespace pc::data
