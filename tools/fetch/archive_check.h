// Whether a zip archive arrived whole: its directory, and the checksum of every member.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>

namespace pc::fetch {

// Unpacks every member into nothing; `progress` hears the packed bytes read so far and their sum, and may throw.
// Errors: Error(data) naming the member, or saying what the file is instead; Error(limit) for members that unpack to
// more than 16 times the archive, and what list_archive refuses.
void check_archive(const std::filesystem::path& path, const std::function<void(int64_t done, int64_t total)>& progress);

}  // namespace pc::fetch
