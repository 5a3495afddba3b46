// APPNOTE.TXT 6.3.10 of PKWARE names the fields.
#include "data/zip.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <string_view>

#include "kernels/base/bytes.h"
#include "kernels/base/error.h"
#include "kernels/base/file.h"
#include "kernels/base/text.h"

namespace pc {
namespace {

constexpr uint32_t local_magic = 0x04034b50, central_magic = 0x02014b50, descriptor_magic = 0x08074b50,
                   end_magic = 0x06054b50, end64_magic = 0x06064b50, locator_magic = 0x07064b50;
constexpr uint16_t packing_effort = 3u << 1, has_descriptor = 1u << 3, utf8_names = 1u << 11;
constexpr uint32_t in_zip64 = 0xffffffffu;
constexpr std::size_t end_bytes = 22, central_bytes = 46;

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
  std::string_view name;
  uint16_t flags = 0, method = 0, mode = 0;
  uint32_t crc32 = 0;
  uint64_t packed = 0, bytes = 0, offset = 0;
};

// Where the end record begins, the archive's size where there is none. Without a comment it is the last 22 bytes.
std::size_t find_end_record(std::span<const std::byte> archive, bool comment, const std::string& file) {
  const std::size_t longest = comment ? 0xffff : 0;
  for (std::size_t n = 0; n <= longest && n + end_bytes <= archive.size(); ++n) {
    const std::size_t at = archive.size() - end_bytes - n;
    if (Fields(archive.subspan(at), file).u32() != end_magic) continue;
    if (Fields(archive.subspan(at + end_bytes - 2), file).u16() == n) return at;
  }
  return archive.size();
}

Directory find_directory(std::span<const std::byte> archive, bool comment, const std::string& file) {
  constexpr std::size_t locator_bytes = 20, end64_bytes = 56;
  uint64_t end = find_end_record(archive, comment, file);
  if (end == archive.size())
    fail(Exit::data, fmt::format("{}: truncated: {} that do not end with a zip directory; download it again", file,
                                 size_text(archive.size())));
  Fields magic(archive.subspan(end + 4), file);
  if (magic.u16() != 0 || magic.u16() != 0) fail(Exit::data, file + ": a part of a split zip archive");
  Directory d;
  const uint64_t here = magic.u16();
  d.entries = magic.u16(), d.bytes = magic.u32(), d.offset = magic.u32();
  if (here != d.entries) fail(Exit::data, file + ": the zip directory contradicts itself");

  if (end >= locator_bytes + end64_bytes) {
    Fields locator(archive.subspan(end - locator_bytes, locator_bytes), file);
    if (locator.u32() == locator_magic) {
      const uint32_t disk = locator.u32();
      end -= locator_bytes + end64_bytes;
      if (disk != 0 || locator.u64() != end || locator.u32() > 1)
        fail(Exit::data, file + ": the zip64 locator points astray");
      Fields f(archive.subspan(end, end64_bytes), file);
      if (f.u32() != end64_magic || f.u64() != end64_bytes - 12)
        fail(Exit::data, file + ": the zip64 directory is not where it should be");
      f.take(2 + 2);  // versions
      const bool split = f.u32() != 0 || f.u32() != 0;
      const uint64_t on_this_disk = f.u64();
      const Directory wide{.entries = f.u64(), .bytes = f.u64(), .offset = f.u64()};
      const bool agree = !split && on_this_disk == wide.entries && (d.entries == 0xffff || d.entries == wide.entries) &&
                         (d.bytes == in_zip64 || d.bytes == wide.bytes) &&
                         (d.offset == in_zip64 || d.offset == wide.offset);
      if (!agree) fail(Exit::data, file + ": the zip and zip64 directories disagree");
      d = wide;
    }
  }
  if (d.offset > end || d.bytes != end - d.offset)
    fail(Exit::data, file + ": the zip directory's place and size do not fit the file");
  return d;
}

// The zip64 field holds, in this order, only those of size, packed size and offset that did not fit.
void read_extra(std::span<const std::byte> extra, uint64_t& bytes, uint64_t& packed, uint64_t& offset,
                const std::string& file) {
  Fields f(extra, file);
  while (f.left() >= 4) {
    const uint16_t id = f.u16();
    Fields field(f.take(f.u16()), file);
    if (id != 1) continue;
    for (uint64_t* value : {&bytes, &packed, &offset})
      if (*value == in_zip64) *value = field.u64();
  }
}

Entry read_entry(Fields& f, const std::string& file) {
  if (f.u32() != central_magic) fail(Exit::data, file + ": the zip directory is damaged");
  f.take(4);  // versions
  Entry e;
  e.flags = f.u16();
  e.method = f.u16();
  f.take(4);  // time, date
  e.crc32 = f.u32();
  e.packed = f.u32();
  e.bytes = f.u32();
  const uint16_t name = f.u16(), extra = f.u16(), comment = f.u16(), disk = f.u16();
  f.take(2 + 2);  // internal attributes, those of DOS
  e.mode = f.u16();
  e.offset = f.u32();
  e.name = as_text(f.take(name));
  read_extra(f.take(extra), e.bytes, e.packed, e.offset, file);
  f.take(comment);

  const auto refuse = [&](const std::string& what) {
    fail(Exit::data, fmt::format("{}: record \"{}\" {}", file, printable(e.name), what));
  };
  if (disk != 0) refuse("lies in another part of a split archive");
  if (e.flags & 1) refuse("is encrypted");
  if (e.method != 0 && e.method != 8)
    refuse(fmt::format("is packed by method {}; only stored and deflated ones are read", e.method));
  if (e.flags & ~(packing_effort | has_descriptor | utf8_names))
    refuse(fmt::format("has flags 0x{:x}, which are not known here", e.flags));
  if (e.method == 0 && e.packed != e.bytes)
    refuse(fmt::format("is stored, yet has {} bytes packed and {} unpacked", e.packed, e.bytes));
  return e;
}

// Checks the local header against the directory's entry and returns the record's data; `next` moves to the byte behind
// it.
std::span<const std::byte> locate(const Entry& e, std::span<const std::byte> records, uint64_t& next,
                                  const std::string& file) {
  const auto refuse = [&](const char* what) {
    fail(Exit::data, fmt::format("{}: record \"{}\": {}", file, printable(e.name), what));
  };
  if (e.offset != next) refuse(e.offset < next ? "overlaps the record before it" : "bytes hidden before it");
  Fields f(records.subspan(next), file);
  if (f.u32() != local_magic) refuse("no local header where the directory says");
  f.take(2);  // version
  const uint16_t flags = f.u16(), method = f.u16();
  f.take(4);  // time, date
  const uint32_t crc = f.u32();
  uint64_t packed = f.u32(), bytes = f.u32(), unused = 0;
  const uint16_t name = f.u16(), extra = f.u16();
  if (as_text(f.take(name)) != e.name) refuse("the local header has another name");
  read_extra(f.take(extra), bytes, packed, unused, file);
  // With a descriptor behind the data, the local fields may be 0.
  const bool late = (flags & has_descriptor) != 0;
  const auto differs = [late](uint64_t local, uint64_t central) { return local != central && !(late && local == 0); };
  if (flags != e.flags || method != e.method || differs(crc, e.crc32) || differs(packed, e.packed) ||
      differs(bytes, e.bytes))
    refuse("local header and directory disagree");
  if (e.packed > f.left()) refuse("runs past the end of the records");
  const auto data = f.take(e.packed);
  if (late) {
    if (f.u32() != descriptor_magic || f.u32() != e.crc32) refuse("damaged descriptor behind the data");
    // The two sizes are 32 or 64 bits wide. Nothing says which, but a header begins with "PK", so only one of them can
    // fit.
    Fields narrow(f), wide(f);
    if (wide.left() >= 16 && wide.u64() == e.packed && wide.u64() == e.bytes)
      f = wide;
    else if (narrow.u32() == e.packed && narrow.u32() == e.bytes)
      f = narrow;
    else
      refuse("damaged descriptor behind the data");
  }
  next = records.size() - f.left();
  return data;
}

std::vector<Entry> read_entries(std::span<const std::byte> archive, const Directory& directory, uint64_t most,
                                const std::string& file) {
  if (directory.entries > most) fail(Exit::limit, fmt::format("{}: more than {} records", file, most));
  Fields f(archive.subspan(directory.offset, directory.bytes), file);
  std::vector<Entry> entries;
  entries.reserve(std::min(directory.entries, directory.bytes / central_bytes));
  while (f.left() > 0 && entries.size() < directory.entries) entries.push_back(read_entry(f, file));
  if (entries.size() != directory.entries || f.left() > 0)
    fail(Exit::data, fmt::format("{}: the zip directory promises {} records and lists {}", file, directory.entries,
                                 f.left() > 0 ? "more" : std::to_string(entries.size())));
  return entries;
}

}  // namespace

bool ends_with_directory(std::span<const std::byte> archive) {
  return archive.size() >= end_bytes && Fields(archive.last(end_bytes), "").u32() == end_magic;
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
  const Directory directory = find_directory(archive, rules.comment, file);
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

}  // namespace pc
