#include "tools/dataset/unpack_command.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

#include "data/archive.h"
#include "data/zip_unpack.h"
#include "kernels/base/directory.h"
#include "kernels/base/file.h"
#include "kernels/base/text.h"
#include "tools/cli/json.h"
#include "tools/cli/progress.h"
#include "tools/cli/stop.h"

namespace pc::dataset {
namespace {

namespace fs = std::filesystem;

struct Options {
  std::string archive, folder;
  bool json = false, force = false;
};

struct Selection {
  std::vector<const data::ZipRecord*> records;  // to be unpacked, in the order of their data
  int64_t files = 0, copies = 0;                // of `records`; left out
  uint64_t bytes = 0;
};

// Kaggle's archive holds everything a second time below myntradataset/; a copy with the same size and checksum is left
// out.
Selection without_copies(const std::vector<data::ZipRecord>& records) {
  constexpr std::string_view kPrefix = "myntradataset/";
  std::vector<const data::ZipRecord*> by_name;
  for (const data::ZipRecord& r : records) by_name.push_back(&r);
  std::sort(by_name.begin(), by_name.end(), [](const auto* a, const auto* b) { return a->name < b->name; });
  const auto is_copy = [&](const data::ZipRecord& r) {
    if (!r.name.starts_with(kPrefix)) return false;
    const std::string_view original = std::string_view(r.name).substr(kPrefix.size());
    const auto at = std::lower_bound(by_name.begin(), by_name.end(), original,
                                     [](const auto* a, std::string_view name) { return a->name < name; });
    return at != by_name.end() && (*at)->name == original && (*at)->bytes == r.bytes && (*at)->crc32 == r.crc32;
  };
  Selection s;
  for (const data::ZipRecord& r : records) {
    if (!is_folder(r) && is_copy(r)) {
      ++s.copies;
    } else {
      s.records.push_back(&r);
      s.files += !is_folder(r);
      s.bytes += r.bytes;
    }
  }
  if (s.copies > 0)
    std::erase_if(s.records, [&](const auto* r) { return is_folder(*r) && r->name.starts_with(kPrefix); });
  return s;
}

void check_space(const Selection& selection, const fs::path& folder) {
  const fs::path parent = folder.has_parent_path() ? folder.parent_path() : fs::path(".");
  if (!is_folder(parent))
    fail(Exit::file, fmt::format("cannot make {}: there is no folder {}", folder.string(), parent.string()));
  std::error_code unknown;
  const fs::space_info space = fs::space(parent, unknown);
  if (!unknown && space.available < selection.bytes)
    fail(Exit::file, fmt::format("{}: needs {} bytes, {} are free; make room or name a folder on another disk",
                                 folder.string(), selection.bytes, space.available));
}

void unpack_into(const fs::path& root, const Selection& selection, const std::string& archive) {
  cli::Progress progress("unpacking", selection.files, "file");
  int64_t done = 0;
  fs::path made;
  for (const data::ZipRecord* r : selection.records) {
    const fs::path path = root / r->name;
    if (path.parent_path() != made) fs::create_directories(made = path.parent_path());
    if (is_folder(*r)) continue;
    create_file(path, [&](const FileSink& sink) {
      data::unpack_record(*r, archive + ": " + r->name, [&](std::span<const std::byte> part) {
        if (cli::stop_requested()) fail(Exit::stopped, "stopped, nothing is left of it; run the same command again");
        sink(part.data(), part.size());
      });
    });
    progress.update(++done);
  }
}

Exit unpack(const Options& o) {
  fs::path folder = o.folder.empty() ? fs::path(o.archive).stem() : fs::path(o.folder).lexically_normal();
  if (!folder.has_filename()) folder = folder.parent_path();
  const auto mapped = MappedFile::open(o.archive);
  const std::string name = fs::path(o.archive).filename().string();
  const std::vector<data::ZipRecord> records = data::list_archive(mapped->bytes(), name);
  if (records.empty()) fail(Exit::data, name + ": an empty zip archive");
  const Selection selection = without_copies(records);
  check_space(selection, folder);
  cli::catch_stop_signals();
  write_folder_atomically(
      folder, [&](const fs::path& temporary) { unpack_into(temporary, selection, name); }, o.force);
  if (o.json) {
    const nlohmann::json summary = {{"folder", folder.string()},
                                    {"files", selection.files},
                                    {"bytes", selection.bytes},
                                    {"copies_left_out", selection.copies}};
    fmt::print("{}\n", cli::one_line(summary));
  } else {
    fmt::print("{}: {} files, {} bytes, {} copies left out\n", printable(folder.string()), selection.files,
               selection.bytes, selection.copies);
  }
  return Exit::ok;
}

}  // namespace

Subcommand unpack_subcommand(CLI::App& app) {
  auto o = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("unpack", "Unpack a zip archive into a new folder: all of it, or nothing");
  command->add_option("ZIP", o->archive, "The archive; one that is damaged or hostile is refused as a whole")
      ->required();
  command->add_option("DIR", o->folder, "The folder to make; default: the archive's name without .zip, here");
  command->add_flag("--json", o->json, "Print the summary as one JSON object");
  command->add_flag("--force", o->force, "Replace DIR, unless it holds anything that is not in the archive");
  return {command, [o] { return unpack(*o); }};
}

}  // namespace pc::dataset
