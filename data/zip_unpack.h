// The unpacked bytes of one record of a zip archive.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>

#include "data/zip.h"

namespace pc {

// Sends the unpacked bytes to `sink`, at most 64 KiB at a time and never more than `bytes` in all. Throws Error(data)
// if the record holds fewer or more, is not a deflate stream, or does not have its CRC-32; some bytes may have been
// sent by then. `name` is what errors call the record.
void unpack_record(const ZipRecord& record, const std::string& name,
                   const std::function<void(std::span<const std::byte>)>& sink);

}  // namespace pc
