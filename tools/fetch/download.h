// A file over HTTP that survives every break: resumed where the bytes are provably of the same file, begun anew
// elsewhere.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "tools/fetch/http_client.h"

namespace pc::fetch {

struct Download {
  std::string url, authorization;
  std::filesystem::path file;  // the final name; its folder exists
  int64_t limit = 0;           // a file of more bytes is refused
  int64_t spare = 0;           // bytes of disk that the caller wants besides the file
  // Throws Error(data) where the bytes are not the file that was wanted.
  std::function<void(const std::filesystem::path& part)> check;
  // What the user can do about an HTTP status that ends the download; 0: no connection at all.
  std::function<std::string(int status)> advice;
};

struct FetchHooks {
  std::function<void(const char* what, int64_t done, int64_t total)> progress;  // bytes; total -1: unknown
  std::function<void(const std::string& line)> note;
  std::function<bool()> stop;                 // asked between pieces of work
  std::function<void(double seconds)> pause;  // returns early where stop() turns true
};

// Receives into FILE.part and renames it when size and check agree. Range and If-Range go on where an earlier process
// stopped. After a break: up to five more tries in a row that bring nothing new, 1, 2, 4, 8 and 16 seconds apart or as
// Retry-After says (up to 120). Bytes that fail the check are dropped and fetched once more.
// Errors: Error(network) with the way out, Error(data) of the check, Error(limit), Error(file), Error(stopped); what
// was received stays in FILE.part unless it is known to be wrong.
void download(const Download& job, const Transport& transport, const FetchHooks& hooks);

}  // namespace pc::fetch
