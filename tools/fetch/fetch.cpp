#include "tools/fetch/fetch.h"

#include <fmt/format.h>

#include "kernels/base/directory.h"
#include "kernels/base/error.h"
#include "kernels/base/file.h"
#include "kernels/base/sha256.h"
#include "tools/cli/lock_file.h"
#include "tools/fetch/archive_check.h"
#include "tools/weights/weights.h"

namespace pc::fetch {
namespace {

namespace fs = std::filesystem;

void check_hash(const fs::path& part, const std::string& sha256) {
  const std::string actual = sha256_hex(MappedFile::open(part)->bytes());
  if (actual != sha256)
    fail(Exit::data,
         fmt::format("{}: its SHA-256 is {}, that of the published file is {}; the server sent another file",
                     part.string(), actual, sha256));
}

void check_download(const FetchItem& item, const fs::path& part, const FetchHooks& hooks) {
  if (!item.sha256.empty()) return check_hash(part, item.sha256);
  check_archive(part, [&](int64_t done, int64_t total) {
    if (hooks.stop()) fail(Exit::stopped, "stopped while checking; the same command goes on");
    hooks.progress("checking", done, total);
  });
}

// What a download needs of its surroundings, found out before anything is made: a refused command leaves nothing.
struct Address {
  std::string url, authorization;
};

void fetch_published(const FetchItem& item, const Address& address, const FetchOptions& options,
                     const Transport& transport, const FetchHooks& hooks) {
  const Download job{
      .url = address.url,
      .authorization = address.authorization,
      .file = options.folder / item.download,
      .limit = 4 * item.bytes,
      .spare = item.converts() ? item.bytes : 0,
      .check = [&](const fs::path& part) { check_download(item, part, hooks); },
      .advice = [&](int status) { return fetch_advice(item, status, options.folder); },
  };
  hooks.note(fmt::format("from {}", job.url));
  download(job, transport, hooks);
}

fs::path lock_of(const FetchItem& item, const FetchOptions& options) {
  return options.folder / fmt::format(".{}.lock", item.name);
}

// Removes what a fetch left that was killed, or failed, after it had given the file its name.
void sweep(const FetchItem& item, const FetchOptions& options) {
  const fs::path part = options.folder / (item.download + ".part"), state = part.string() + ".json";
  std::error_code ignored;
  if (!fs::exists(part, ignored) && !fs::exists(state, ignored) && !fs::exists(lock_of(item, options), ignored)) return;
  try {
    const cli::LockFile lock(lock_of(item, options), "");
    fs::remove(part, ignored);
    fs::remove(state, ignored);
  } catch (const Error&) {  // another process works there, or nobody may write
  }
}

}  // namespace

fs::path fetch(const FetchItem& item, const FetchOptions& options, const Transport& transport,
               const FetchHooks& hooks) {
  const fs::path result = options.folder / item.result, published = options.folder / item.download;
  if (is_file(result)) {
    sweep(item, options);
    hooks.note("already there");
    return result;
  }
  const Address address = is_file(published) ? Address{} : Address{fetch_url(item), options.authorization()};
  const cli::LockFile lock(make_folders(options.folder) / fmt::format(".{}.lock", item.name),
                           item.name + " is being fetched by another pcdata; wait for it");
  // Another process may have been here before the lock.
  if (!address.url.empty() && !is_file(result) && !is_file(published))
    fetch_published(item, address, options, transport, hooks);
  if (item.converts() && !is_file(result)) weights::convert_weights(published, result);
  std::error_code ignored;
  if (item.converts() && !options.keep) fs::remove(published, ignored);
  return result;
}

}  // namespace pc::fetch
