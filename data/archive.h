// A zip archive of files that may be unpacked: every path stays below the folder it is unpacked into.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "data/zip.h"

namespace pc::data {

// The records of an archive in the order of their data, under paths that are safe: '/' between the parts (old Windows
// packers write '\\'), without "./", UTF-8 (of Info-ZIP's field for it, else CP437 is turned into it), a '/' at the end of folders alone. What macOS adds
// for itself, __MACOSX/ and "Icon\r", is left out. `file` stands for the archive in messages.
//
// Refused besides what read_zip_directory refuses, with Error(data) naming the entry: paths that leave the folder or
// begin elsewhere, control characters, parts of more than 255 bytes, paths of more than 1,024 bytes or 32 parts, links,
// devices, two entries that are one on a system that ignores case or composes Unicode differently, a file that is a
// folder as well. With Error(limit): more than 2,000,000 entries, 128 GiB in all, or a file above 10 MB that is packed
// to less than a thousandth.
std::vector<ZipRecord> list_archive(std::span<const std::byte> archive, const std::string& file);

inline bool is_folder(const ZipRecord& record) { return record.name.ends_with('/'); }

}  // namespace pc::data
