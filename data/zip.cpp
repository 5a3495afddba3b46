// APPNOTE.TXT 6.3.10 of PKWARE names the fields.
#include "data/zip.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <string_view>
#include <utility>

#include "kernels/base/bytes.h"
#include "kernels/base/error.h"
#include "kernels/base/file.h"
#include "kernels/base/text.h"

namespace pc::data {
namespace {

constexpr uint32_t kLocalMagic = 0x04034b50, kCentralMagic = 0x02014b50, kDescriptorMagic = 0x08074b50,
                   kEndMagic = 0x06054b50, kEnd64Magic = 0x06064b50, kLocatorMagic = 0x07064b50;
constexpr uint16_t kPackingEffort = 3u << 1, kHasDescriptor = 1u << 3, kUtf8Names = 1u << 11;
constexpr int kUnix = 3, kMac = 19;
constexpr uint32_t kInZip64 = 0xffffffffu;
constexpr std::size_t kEndBytes = 22, kCentralBytes = 46;

// Little-endian fields of a part of the archive, one after the other; reading past its end throws.
class Fields {
 public:
  Fields(std::span<const std::byte> bytes, const std::string& file) : bytes_(bytes), file_(&file) {}

  std::span<const std::byte> take(uint64_t count) {
    if (count > bytes_.size()) fail(Exit::data, *file_ + ": the zip structure is cut short");
    const auto part = bytes_.first(count);
    bytes_ = bytes_.subspan(count);
    return part;
  }
  uint16_t u16() { return number<uint16_t>(); }
  uint32_t u32() { return number<uint32_t>(); }
  uint64_t u64() { return number<uint64_t>(); }
  std::size_t left() const { return bytes_.size(); }

 private:
  template <class T>
  T number() {
    T value;
    std::memcpy(&value, take(sizeof value).data(), sizeof value);
    return value;
  }
  std::span<const std::byte> bytes_;
  const std::string* file_;
};

struct Directory {
  uint64_t entries = 0, bytes = 0, offset = 0;
};

struct Entry {
  std::string_view name, utf8_name;
  uint16_t flags = 0, method = 0, mode = 0;
  uint32_t crc32 = 0;
  uint64_t packed = 0, bytes = 0, offset = 0;
};

// Where the end record begins, the archive's size if there is none. Without a trailer it is the last 22 bytes.
std::size_t find_end_record(std::span<const std::byte> archive, bool trailer, const std::string& file) {
  const std::size_t longest = trailer ? 0xffff : 0;
  for (std::size_t n = 0; n <= longest && n + kEndBytes <= archive.size(); ++n) {
    const std::size_t at = archive.size() - kEndBytes - n;
    if (Fields(archive.subspan(at), file).u32() != kEndMagic) continue;
    if (Fields(archive.subspan(at + kEndBytes - 2), file).u16() <= n) return at;  // a comment, then other bytes
  }
  return archive.size();
}

// The directory that the zip64 end record names, which the locator before `end` points to; `end` becomes its place.
Directory find_zip64(std::span<const std::byte> archive, const Directory& d, uint64_t& end, const std::string& file) {
  constexpr uint64_t kLocatorBytes = 20, kEnd64Bytes = 56;
  if (end < kLocatorBytes) return d;
  Fields locator(archive.subspan(end - kLocatorBytes, kLocatorBytes), file);
  if (locator.u32() != kLocatorMagic) return d;
  const uint64_t before_locator = end - kLocatorBytes;
  const uint32_t disk = locator.u32();
  const uint64_t at = locator.u64();
  if (disk != 0 || locator.u32() > 1) fail(Exit::data, file + ": a part of a split zip archive");
  if (at > before_locator || before_locator - at < kEnd64Bytes)
    fail(Exit::data, fmt::format("{}: damaged: the zip64 end record should lie at byte {}, but {} of {} bytes are left "
                                 "for it there",
                                 file, at, at > before_locator ? 0 : before_locator - at, kEnd64Bytes));
  end = at;
  Fields f(archive.subspan(at, before_locator - at), file);
  if (f.u32() != kEnd64Magic)
    fail(Exit::data, fmt::format("{}: damaged: no zip64 end record at byte {}, where the locator says", file, at));
  if (f.u64() != before_locator - at - 12)
    fail(Exit::data, file + ": damaged: the zip64 end record is not as long as it says");
  f.take(2 + 2);  // versions
  const bool split = f.u32() != 0 || f.u32() != 0;
  const uint64_t on_this_disk = f.u64();
  const Directory zip64{.entries = f.u64(), .bytes = f.u64(), .offset = f.u64()};
  const bool agree = !split && on_this_disk == zip64.entries && (d.entries == 0xffff || d.entries == zip64.entries) &&
                     (d.bytes == kInZip64 || d.bytes == zip64.bytes) &&
                     (d.offset == kInZip64 || d.offset == zip64.offset);
  if (!agree) fail(Exit::data, file + ": the zip and zip64 directories disagree");
  return zip64;
}

Directory find_directory(std::span<const std::byte> archive, bool trailer, const std::string& file) {
  uint64_t end = find_end_record(archive, trailer, file);
  if (end == archive.size())
    fail(Exit::data, fmt::format("{}: truncated: {} that do not end with a zip directory; download it again", file,
                                 size_text(archive.size())));
  Fields magic(archive.subspan(end + 4), file);
  if (magic.u16() != 0 || magic.u16() != 0) fail(Exit::data, file + ": a part of a split zip archive");
  Directory d;
  const uint64_t here = magic.u16();
  d.entries = magic.u16(), d.bytes = magic.u32(), d.offset = magic.u32();
  if (here != d.entries) fail(Exit::data, file + ": the zip directory contradicts itself");

  d = find_zip64(archive, d, end, file);
  if (d.offset > end || d.bytes != end - d.offset)
    fail(Exit::data, file + ": the zip directory's place and size do not fit the file");
  return d;
}

// Calls visit(field) for each extra field with that number. Padding, as aligned archives have it, is none.
template <class Visit>
void each_extra(uint16_t wanted, std::span<const std::byte> extra, const std::string& file, Visit visit) {
  Fields f(extra, file);
  while (f.left() >= 4) {
    const uint16_t id = f.u16(), size = f.u16();
    if (size > f.left()) return;
    const Fields field(f.take(size), file);
    if (id == wanted) visit(field);
  }
}

// The zip64 field holds, in this order, only those of size, packed size and offset that did not fit.
void read_zip64(std::span<const std::byte> extra, uint64_t& bytes, uint64_t& packed, uint64_t& offset,
                const std::string& file) {
  each_extra(1, extra, file, [&](Fields field) {
    for (uint64_t* value : {&bytes, &packed, &offset})
      if (*value == kInZip64) *value = field.u64();
  });
}

// Info-ZIP's field for a name in UTF-8 where the header's is in a code page; it holds the CRC-32 of that one.
std::string_view utf8_name(std::span<const std::byte> extra, std::string_view name, const std::string& file) {
  std::string_view utf8;
  each_extra(0x7075, extra, file, [&](Fields field) {
    if (field.left() <= 5) return;
    const int version = std::to_integer<int>(field.take(1)[0]);
    const auto crc = ::crc32_z(0, reinterpret_cast<const Bytef*>(name.data()), name.size());
    if (field.u32() == crc && version == 1) utf8 = as_text(field.take(field.left()));
  });
  return utf8;
}

std::string name_of_method(uint16_t method) {
  constexpr std::pair<int, const char*> kNames[] = {
      {9, "Deflate64"}, {12, "bzip2"}, {14, "LZMA"}, {93, "Zstandard"}, {95, "XZ"}};
  for (const auto& [number, name] : kNames)
    if (number == method) return fmt::format("{} ({})", method, name);
  return std::to_string(method);
}

Entry read_entry(Fields& f, const std::string& file) {
  if (f.u32() != kCentralMagic) fail(Exit::data, file + ": the zip directory is damaged");
  const int system = f.u16() >> 8;
  f.take(2);  // version needed
  Entry e;
  e.flags = f.u16();
  e.method = f.u16();
  f.take(4);  // time, date
  e.crc32 = f.u32();
  e.packed = f.u32();
  e.bytes = f.u32();
  const uint16_t name = f.u16(), extra = f.u16(), comment = f.u16(), disk = f.u16();
  f.take(2 + 2);  // internal attributes, those of DOS
  const uint16_t mode = f.u16();
  if (system == kUnix || system == kMac) e.mode = mode;  // others keep flags of their own there
  e.offset = f.u32();
  e.name = as_text(f.take(name));
  const auto extra_fields = f.take(extra);
  read_zip64(extra_fields, e.bytes, e.packed, e.offset, file);
  e.utf8_name = utf8_name(extra_fields, e.name, file);
  f.take(comment);

  const auto refuse = [&](const std::string& what) {
    fail(Exit::data, fmt::format("{}: record \"{}\" {}", file, printable(e.name), what));
  };
  if (disk != 0 && disk != 0xffff) refuse("lies in another part of a split archive");
  if (e.flags & 1) refuse("is encrypted; unpack the archive with its password and pack the files again");
  if (e.method != 0 && e.method != 8)
    refuse(
        fmt::format("is packed by method {}; only stored and deflated ones are read: pack the files again, as zip "
                    "does by default",
                    name_of_method(e.method)));
  if (e.flags & ~(kPackingEffort | kHasDescriptor | kUtf8Names))
    refuse(fmt::format("has flags 0x{:x}, which are not known here", e.flags));
  if (e.method == 0 && e.packed != e.bytes)
    refuse(fmt::format("is stored, yet has {} bytes packed and {} unpacked", e.packed, e.bytes));
  return e;
}

// Skips the descriptor after the data of a record. Some writers leave out its magic number, and the two sizes are 32 or
// 64 bits wide. Nothing says which; but as a header begins with "PK", the form that fits is the one.
bool skip_descriptor(const Entry& e, Fields& f) {
  for (const std::size_t magic_bytes : {4, 0})
    for (const std::size_t size_bytes : {8, 4}) {
      Fields d = f;
      if (d.left() < magic_bytes + 4 + 2 * size_bytes) continue;
      if (magic_bytes > 0 && d.u32() != kDescriptorMagic) continue;
      if (d.u32() != e.crc32) continue;
      const auto size = [&] { return size_bytes == 8 ? d.u64() : d.u32(); };
      if (size() != e.packed || size() != e.bytes) continue;
      f = d;
      return true;
    }
  return false;
}

// Checks the local header against the directory's entry and returns the record's data; `next` moves to the byte after
// it.
std::span<const std::byte> locate(const Entry& e, std::span<const std::byte> records, uint64_t& next,
                                  const std::string& file) {
  const auto refuse = [&](const char* what) {
    fail(Exit::data, fmt::format("{}: record \"{}\": {}", file, printable(e.name), what));
  };
  if (e.offset != next) refuse(e.offset < next ? "overlaps the record before it" : "bytes hidden before it");
  Fields f(records.subspan(next), file);
  if (f.u32() != kLocalMagic) refuse("no local header where the directory says");
  f.take(2);  // version
  const uint16_t flags = f.u16(), method = f.u16();
  f.take(4);  // time, date
  const uint32_t crc = f.u32();
  uint64_t packed = f.u32(), bytes = f.u32(), unused = 0;
  const uint16_t name = f.u16(), extra = f.u16();
  if (as_text(f.take(name)) != e.name) refuse("the local header has another name");
  read_zip64(f.take(extra), bytes, packed, unused, file);
  // With a descriptor after the data, the local fields may be unknown yet. How names are written and how well the data
  // are packed is of no interest here.
  const bool late = (flags & kHasDescriptor) != 0;
  const auto differs = [late](uint64_t local, uint64_t central, uint64_t unknown) {
    return local != central && !(late && (local == 0 || local == unknown));
  };
  if (((flags ^ e.flags) & ~(kPackingEffort | kUtf8Names | kHasDescriptor)) != 0 || method != e.method ||
      differs(crc, e.crc32, 0) || differs(packed, e.packed, kInZip64) || differs(bytes, e.bytes, kInZip64))
    refuse("local header and directory disagree");
  if (e.packed > f.left()) refuse("runs past the end of the records");
  const auto data = f.take(e.packed);
  const bool known = crc == e.crc32 && packed == e.packed && bytes == e.bytes;
  if (late && !skip_descriptor(e, f) && !known) refuse("damaged descriptor after the data");
  next = records.size() - f.left();
  return data;
}

std::vector<Entry> read_entries(std::span<const std::byte> archive, const Directory& directory, uint64_t most,
                                const std::string& file) {
  if (directory.entries > most) fail(Exit::limit, fmt::format("{}: more than {} records", file, most));
  Fields f(archive.subspan(directory.offset, directory.bytes), file);
  std::vector<Entry> entries;
  entries.reserve(std::min(directory.entries, directory.bytes / kCentralBytes));
  while (f.left() > 0 && entries.size() < directory.entries) entries.push_back(read_entry(f, file));
  if (entries.size() != directory.entries || f.left() > 0)
    fail(Exit::data, fmt::format("{}: the zip directory promises {} records and lists {}", file, directory.entries,
                                 f.left() > 0 ? "more" : std::to_string(entries.size())));
  return entries;
}

}  // namespace

bool ends_with_directory(std::span<const std::byte> archive) {
  return archive.size() >= kEndBytes && Fields(archive.last(kEndBytes), "").u32() == kEndMagic;
}

ZipRecord first_record(std::span<const std::byte> archive, const std::string& file) {
  Fields f(archive, file);
  f.take(26);  // all that stands before the lengths of name and extra field
  const uint16_t name = f.u16(), extra = f.u16();
  ZipRecord record{.name = std::string(as_text(f.take(name)))};
  f.take(extra);
  record.data = f.take(f.left());
  return record;
}

std::vector<ZipRecord> read_zip_directory(std::span<const std::byte> archive, const std::string& file,
                                          const ZipRules& rules) {
  const Directory directory = find_directory(archive, rules.trailer, file);
  std::vector<Entry> entries = read_entries(archive, directory, rules.max_records, file);
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.name < b.name; });
  const auto twice = std::adjacent_find(entries.begin(), entries.end(),
                                        [](const Entry& a, const Entry& b) { return a.name == b.name; });
  if (twice != entries.end())
    fail(Exit::data, fmt::format("{}: two records are named \"{}\"", file, printable(twice->name)));
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.offset < b.offset; });

  std::vector<ZipRecord> records;
  records.reserve(entries.size());
  uint64_t next = 0;
  for (const Entry& e : entries)
    records.push_back({.name = std::string(e.name),
                       .utf8_name = e.utf8_name,
                       .crc32 = e.crc32,
                       .mode = e.mode,
                       .compressed = e.method != 0,
                       .bytes = e.bytes,
                       .data = locate(e, archive.first(directory.offset), next, file)});
  if (next != directory.offset) fail(Exit::data, file + ": bytes hidden before the zip directory");
  return records;
}

void check_crc(const ZipRecord& record, const std::string& file) {
  const auto* data = reinterpret_cast<const Bytef*>(record.data.data());
  const uint32_t actual = uint32_t(::crc32_z(::crc32_z(0, nullptr, 0), data, record.data.size()));
  if (actual != record.crc32)
    fail(Exit::data,
         fmt::format(
             "{}: record \"{}\" is damaged: CRC-32 {:08x}, the directory says {:08x}; download it again, or, if it "
             "was saved without checksums, pass --no-hash-check",
             file, printable(record.name), actual, record.crc32));
}

}  // namespace pc::data
