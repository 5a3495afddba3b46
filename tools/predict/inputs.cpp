#include "tools/predict/inputs.h"

#include <fmt/format.h>
#include <fnmatch.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <iterator>

#include "data/decode.h"
#include "data/file_names.h"
#include "kernels/base/directory.h"
#include "kernels/base/file.h"
#include "kernels/base/text.h"

namespace pc::predict {
namespace {

namespace fs = std::filesystem;

constexpr const char* kNames = "; names that end in .jpg, .png, .webp, … are looked for";
constexpr std::size_t kMostBytes = 512u << 20;

bool is_archive_name(const std::string& name) {
  return name.size() > 4 && equal_ignoring_case(std::string_view(name).substr(name.size() - 4), ".zip");
}

bool has_wildcard(const std::string& text) { return text.find_first_of("*?[") != text.npos; }

InputPicture nothing(const std::string& place, const std::string& why, Exit code = Exit::data) {
  return {.file = place, .error = why, .code = code};
}

std::vector<InputPicture> pictures_below(const std::string& root) {
  std::vector<InputPicture> pictures;
  const auto problems =
      walk_files(root, {.skip = data::is_junk}, [&](const fs::directory_entry& file, const std::string&) {
        if (data::has_image_name(file.path().filename().string())) pictures.push_back({.file = file.path().string()});
      });
  std::sort(pictures.begin(), pictures.end(), [](const auto& a, const auto& b) { return a.file < b.file; });
  for (const WalkProblem& problem : problems)
    pictures.push_back(nothing(problem.path.string(), problem.text(), Exit::file));
  if (pictures.empty()) pictures.push_back(nothing(root, root + ": no images in this folder" + kNames));
  return pictures;
}

// What a glob matches, sorted, and the folders that could not be searched for it.
class Matches {
 public:
  explicit Matches(const std::string& pattern) {
    const char* home = std::getenv("HOME");
    const fs::path path = pattern.starts_with("~/") && home ? home + pattern.substr(1) : pattern;
    expand("", path.begin(), path.end());
  }
  std::vector<std::string> paths;
  std::vector<InputPicture> problems;

 private:
  void expand(const fs::path& at, fs::path::iterator part, fs::path::iterator end) {
    if (part == end) return paths.push_back(at.string());
    const std::string pattern = part->string();
    const auto rest = std::next(part);
    try {
      if (!has_wildcard(pattern)) {
        if (path_exists(at / pattern)) expand(at / pattern, rest, end);
        return;
      }
      for (const fs::path& entry : list_folder(at.empty() ? "." : at)) {
        const std::string name = entry.filename().string();
        if (::fnmatch(pattern.c_str(), name.c_str(), FNM_PERIOD) != 0) continue;
        if (rest == end || is_folder(at / name)) expand(at / name, rest, end);
      }
    } catch (const Error& error) {
      problems.push_back(nothing((at / pattern).string(), error.what(), error.code()));
    }
  }
};

// Where "SHOP.zip" or "SHOP.zip/INSIDE" leaves the file system: behind the archive's name; 0 where there is none.
std::size_t archive_part(const std::string& place) {
  for (std::size_t end = std::min(place.find('/', 1), place.size());;
       end = std::min(place.find('/', end + 1), place.size())) {
    const std::string path = place.substr(0, end);
    if (is_archive_name(path) && is_file(path)) return end;
    if (end == place.size()) return 0;
  }
}

bool lies_in(const std::string& path, const std::string& inside) {
  if (inside.empty() || path == inside) return true;
  if (has_wildcard(inside) && ::fnmatch(inside.c_str(), path.c_str(), FNM_PATHNAME) == 0) return true;
  return path.starts_with(inside) && (inside.back() == '/' || path[inside.size()] == '/');
}

// Read, not mapped: a picture may be a pipe, and a file that shrinks under a mapping would kill the process.
std::vector<std::byte> read_bytes(const std::string& file) {
  constexpr std::size_t kStep = 1u << 16;
  InputFile input(file);
  std::vector<std::byte> bytes(kStep);
  std::size_t have = 0;
  while (const std::size_t n = input.read(bytes.data() + have, bytes.size() - have)) {
    have += n;
    if (have > kMostBytes) fail(Exit::limit, fmt::format("{}: more than {} MiB", file, kMostBytes >> 20));
    if (have == bytes.size()) bytes.resize(2 * have);
  }
  bytes.resize(have);
  return bytes;
}

}  // namespace

void add_input_options(CLI::App& app, InputOptions& o) {
  app.option_defaults()->group("Input");
  app.add_option("INPUT", o.places,
                 "Images, folders, globs in quotes, zip archives (also SHOP.zip/FOLDER and 'SHOP.zip/GLOB'), or - for "
                 "one image on standard input");
  app.add_option("--files-from", o.list,
                 "List of further inputs, one per line, without globs; - reads it from standard input, as a stream")
      ->type_name("FILE");
  app.add_flag("--null,-0", o.null, "The paths of that list end in NUL bytes, as find -print0 writes them");
}

Inputs::Inputs(const InputOptions& o) {
  if (o.places.empty() && o.list.empty()) fail(Exit::usage, "INPUT or --files-from is required; see --help");
  if (o.null && o.list.empty()) fail(Exit::usage, "--null goes with --files-from");
  if (std::count(o.places.begin(), o.places.end(), "-") + (o.list == "-") > 1)
    fail(Exit::usage, "standard input can be read just once");
  if (!o.list.empty()) list_.emplace(o.list, o.null);
  for (const std::string& place : o.places) {
    auto more = find(place, true);
    found_.insert(found_.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  }
}

// What cannot be looked at costs this place only.
std::vector<InputPicture> Inputs::find(const std::string& place, bool globs) {
  try {
    return look_up(place, globs);
  } catch (const Error& error) {
    return {nothing(place, error.what(), error.code())};
  }
}

std::vector<InputPicture> Inputs::look_up(const std::string& place, bool globs) {
  if (place == "-" && !globs) return {nothing(place, "-: standard input cannot stand in a list; write ./- for a file")};
  if (place == "-") return {{.file = place}};
  if (is_folder(place)) return pictures_below(place);
  if (const std::size_t end = archive_part(place))
    return in_archive(place.substr(0, end), end == place.size() ? "" : place.substr(end + 1));
  if (!globs || !has_wildcard(place) || path_exists(place)) return {{.file = place}};
  Matches matches(place);
  std::vector<InputPicture> all;
  for (const std::string& path : matches.paths)
    if (data::has_image_name(path) || is_archive_name(path) || is_folder(path))
      for (InputPicture& picture : find(path, false)) all.push_back(std::move(picture));
  std::move(matches.problems.begin(), matches.problems.end(), std::back_inserter(all));
  if (all.empty()) all.push_back(nothing(place, place + ": matches no image" + kNames));
  return all;
}

std::vector<InputPicture> Inputs::in_archive(const std::string& path, const std::string& inside) {
  if (path != archive_path_) {
    try {
      archive_ = data::open_tree(path);
    } catch (const Error& error) {
      return {nothing(path, error.what(), error.code())};
    }
    archive_path_ = path;
  }
  const auto& entries = archive_->entries();
  std::vector<InputPicture> pictures;
  const auto add = [&](std::size_t i) {
    pictures.push_back({.file = path + "/" + entries[i].path, .archive = archive_, .entry = i});
  };
  const auto exact = std::lower_bound(entries.begin(), entries.end(), inside,
                                      [](const auto& entry, const std::string& name) { return entry.path < name; });
  if (exact != entries.end() && exact->path == inside) {
    add(std::size_t(exact - entries.begin()));
    return pictures;
  }
  for (std::size_t i = 0; i < entries.size(); ++i)
    if (data::has_image_name(entries[i].path) && lies_in(entries[i].path, inside)) add(i);
  if (pictures.empty())
    pictures.push_back(
        nothing(inside.empty() ? path : path + "/" + inside,
                fmt::format("{}: no images {}in this archive{}", path, inside.empty() ? "" : inside + " ", kNames)));
  return pictures;
}

bool Inputs::next(InputPicture& picture) {
  while (at_ == found_.size()) {
    std::string place;
    if (!list_ || !list_->next(place)) return false;
    found_ = find(place, false);
    at_ = 0;
  }
  picture = found_[at_++];
  return true;
}

std::optional<int64_t> Inputs::count() const { return list_ ? std::nullopt : std::optional(int64_t(found_.size())); }

const std::vector<InputPicture>& Inputs::collect() {
  for (std::string place; list_ && list_->next(place);)
    for (InputPicture& picture : find(place, false)) found_.push_back(std::move(picture));
  list_.reset();
  if (std::any_of(found_.begin(), found_.end(), [](const auto& p) { return p.file == "-"; }))
    fail(Exit::usage, "standard input as an image can be read just once, not twice");
  return found_;
}

data::Image read_picture(const InputPicture& picture, const data::DecodeSettings& settings) {
  if (picture.code != Exit::ok) fail(picture.code, picture.error);
  if (!picture.archive) return read_picture(picture.file, settings);
  return data::decode_image(picture.archive->read(picture.archive->entries()[picture.entry], kMostBytes), picture.file,
                            settings);
}

data::Image read_picture(const std::string& file, const data::DecodeSettings& settings) {
  return data::decode_image(read_bytes(file), file, settings);
}

std::string first_fault(std::vector<std::string> places) {
  constexpr int kMost = 16;  // images that are decoded
  std::erase(places, "-");
  if (places.empty()) return "";
  Inputs inputs({.places = places});
  InputPicture picture{.file = ""};
  for (int i = 0; i < kMost && inputs.next(picture); ++i) {
    try {
      read_picture(picture);
    } catch (const Error& error) {
      return error.what();
    }
  }
  return "";
}

PictureStream stream_of(Inputs& inputs, const Predictor& predictor) {
  return [&](StreamPicture& picture) {
    InputPicture input{.file = ""};
    if (!inputs.next(input)) return false;
    picture = {.file = input.file, .decode = [&predictor, input] { return read_picture(input, predictor.decoding()); }};
    return true;
  };
}

}  // namespace pc::predict
