// One item from the network to its place on the disk: lock, download, check, conversion.
#pragma once

#include <filesystem>

#include "tools/fetch/download.h"
#include "tools/fetch/items.h"

namespace pc::fetch {

struct FetchOptions {
  std::filesystem::path folder;
  std::function<std::string()> authorization;  // for the item's host, asked before the first request
  bool keep = false;                           // the published weight file, too
};

// The file the item leaves in the folder, made where it is not there yet; one that is there costs no request. A
// published weight file in the folder is converted without a request. Errors: see download(), read_weights() and
// LockFile.
std::filesystem::path fetch(const FetchItem& item, const FetchOptions& options, const Transport& transport,
                            const FetchHooks& hooks);

}  // namespace pc::fetch
