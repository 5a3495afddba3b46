// What pcdata fetch knows by name: where it is published, and what makes it that file and no other.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace pc::fetch {

enum class Host { kaggle, pytorch };

struct FetchItem {
  std::string name;  // on the command line
  Host host;
  std::string path;      // below the host's base address
  std::string download;  // name of the file as it is published
  std::string result;    // name of the file that the command leaves
  std::string sha256;    // of the published file; empty: a zip archive, whose members carry checksums
  int64_t bytes;         // of the published file; a zip archive's is near this
  std::string license;
  bool converts() const { return download != result; }
};

const std::vector<FetchItem>& fetch_items();

// Error(usage) that lists the names.
const FetchItem& find_fetch_item(const std::string& name);

// The address, with the base from $PC_KAGGLE_URL or $PC_WEIGHTS_URL where a mirror is used. Error(usage) for one that
// is neither https nor http to a loopback address.
std::string fetch_url(const FetchItem& item);

// The way out after an HTTP status that ended the download (below 400: no answer), with what to do by hand.
std::string fetch_advice(const FetchItem& item, int status, const std::filesystem::path& folder);

}  // namespace pc::fetch
