#include "tools/runs/train_flags.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "kernels/base/error.h"
#include "kernels/base/file.h"
#include "kernels/base/text.h"

namespace pc::runs {
namespace {

constexpr const char* kSize = "--size";

// Of "60x80": 60 and 80; of one word: that, twice.
std::pair<std::string, std::string> sides_of(const std::string& value) {
  const auto cross = value.find('x');
  const std::string width = value.substr(0, cross), height = cross == value.npos ? width : value.substr(cross + 1);
  const auto is_side = [](const std::string& text) {
    return text == "auto" ||
           (!text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; }));
  };
  if (!is_side(width) || !is_side(height))
    fail(Exit::usage, fmt::format("{} {}: requires auto, pixels as 224, or WIDTHxHEIGHT as 60x80", kSize, value));
  return {width, height};
}

cli::IniEntry entry(const std::string& name, const std::string& value, const std::string& place) {
  const auto dot = name.find('.');
  return {name.substr(0, dot), name.substr(dot + 1), value, place};
}

}  // namespace

const std::vector<TrainFlag>& train_flags() {
  static const std::vector<TrainFlag> flags{
      {"--labels", "A,B", {"data.labels"}},
      {"--limit", "N", {"data.limit"}},
      {"--arch", "NAME", {"model.architecture"}},
      {"--weights", "FILE|NAME", {"model.weights"}},
      {"--freeze", "A,B", {"model.freeze"}},
      {kSize,
       "N|WxH|auto",
       {"model.width", "model.height"},
       "Pixels of the input; auto: the shape most images have, about 224 x 224 at most"},
      {"--resize", "HOW", {"model.resize"}},
      {"--epochs", "N", {"train.epochs"}},
      {"--batch-size", "N|auto", {"train.batch"}},
      {"--lr", "RATE|auto", {"train.lr"}},
      {"--optimizer", "NAME", {"train.optimizer"}},
      {"--weight-decay", "X", {"train.weight_decay"}},
      {"--patience", "N", {"train.patience"}},
      {"--precision", "TYPE", {"train.precision"}},
      {"--device", "NAME", {"train.device"}},
      {"--threads", "N", {"train.threads"}},
      {"--seed", "N", {"train.seed"}},
      {"--runs", "DIR", {"output.runs"}},
      {"--name", "NAME", {"output.name"}},
  };
  return flags;
}

std::vector<cli::IniEntry> entries_of(const TrainFlag& flag, const std::string& value) {
  if (flag.name != std::string(kSize)) return {entry(flag.keys[0], value, flag.name)};
  const auto [width, height] = sides_of(value);
  return {entry(flag.keys[0], width, flag.name), entry(flag.keys[1], height, flag.name)};
}

std::vector<cli::IniEntry> entries_of_data(const std::string& path) {
  const std::filesystem::path plain = std::filesystem::path(path).lexically_normal();
  const std::filesystem::path last = plain.has_filename() ? plain : plain.parent_path();
  std::string name = last.stem().string();
  if (name.empty() || name == "." || name == "..") name = "run";
  return {entry("data.root", path, path), entry("output.name", name, path)};
}

bool is_data(const std::string& path) {
  const std::string suffix = std::filesystem::path(path).extension().string();
  const bool fetched = !path_exists(path) && !equal_ignoring_case(suffix, ".ini");
  return std::filesystem::is_directory(path) || equal_ignoring_case(suffix, ".zip") || fetched;
}

}  // namespace pc::runs
