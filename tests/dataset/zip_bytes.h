// Zip archives made byte by byte; every field of an entry and of the directory may be falsified.
#pragma once

#include <zlib.h>

#include <cstdint>
#include <string>
#include <vector>

namespace pc::test {

template <class T>
std::string le(T value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

// By zlib, in the container that deflateInit2's windowBits name.
inline std::string packed(const std::string& text, int window_bits) {
  z_stream z{};
  deflateInit2(&z, 9, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&z, text.size()) + 64, '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  z.avail_in = uInt(text.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = uInt(out.size());
  deflate(&z, Z_FINISH);
  out.resize(z.total_out);
  deflateEnd(&z);
  return out;
}

inline std::string deflated(const std::string& text) { return packed(text, -MAX_WBITS); }

inline uint32_t crc_of(const std::string& text) {
  return uint32_t(::crc32_z(0, reinterpret_cast<const Bytef*>(text.data()), text.size()));
}

constexpr uint16_t kStored = 0, kDeflated = 8;

// Designated initialisers change what is to be false; later members follow earlier ones.
struct ZipEntry {
  std::string name, text;
  uint16_t method = kStored;
  std::string packed = method == kDeflated ? deflated(text) : text;
  uint32_t crc = crc_of(text), packed_bytes = uint32_t(packed.size()), bytes = uint32_t(text.size());
  uint16_t flags = 0;
  uint32_t mode = 0100644;  // Unix type and permissions
  std::string extra = "";   // of the directory's header
  // What the header before the data says.
  std::string local_name = name;
  uint16_t local_flags = flags, local_method = method;
  uint32_t local_crc = crc, local_packed_bytes = packed_bytes, local_bytes = bytes;
  std::string local_extra = "", descriptor = "";
  int64_t offset_shift = 0;
  std::string junk_before = "";
};

struct ZipEnd {
  int count_shift = 0;
  std::string comment = "";
  uint16_t disk = 0;
  int32_t offset_shift = 0;
  std::string before = "";  // between directory and end record: that of zip64
};

inline std::string zip_of(const std::vector<ZipEntry>& entries, const ZipEnd& end = {}) {
  std::string file, directory;
  for (const ZipEntry& e : entries) {
    file += e.junk_before;
    const auto offset = uint32_t(int64_t(file.size()) + e.offset_shift);
    file += le(0x04034b50u) + le(uint16_t(20)) + le(e.local_flags) + le(e.local_method) + le(0u) + le(e.local_crc) +
            le(e.local_packed_bytes) + le(e.local_bytes) + le(uint16_t(e.local_name.size())) +
            le(uint16_t(e.local_extra.size())) + e.local_name + e.local_extra + e.packed + e.descriptor;
    directory += le(0x02014b50u) + le(uint16_t(0x0314)) + le(uint16_t(20)) + le(e.flags) + le(e.method) + le(0u) +
                 le(e.crc) + le(e.packed_bytes) + le(e.bytes) + le(uint16_t(e.name.size())) +
                 le(uint16_t(e.extra.size())) + le(uint16_t(0)) + le(uint16_t(0)) + le(uint16_t(0)) + le(e.mode << 16) +
                 le(offset) + e.name + e.extra;
  }
  const auto count = uint16_t(int(entries.size()) + end.count_shift);
  return file + directory + end.before + le(0x06054b50u) + le(end.disk) + le(uint16_t(0)) + le(count) + le(count) +
         le(uint32_t(directory.size())) + le(uint32_t(int64_t(file.size()) + end.offset_shift)) +
         le(uint16_t(end.comment.size())) + end.comment;
}

}  // namespace pc::test
