#include "tools/evaluate/seen.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

#include "data/csv.h"
#include "kernels/base/file.h"
#include "tools/cli/terminal.h"

namespace pc::evaluate {
namespace {

namespace fs = std::filesystem;
using cli::grouped;

// The files that trained or validated, as a run's split.csv lists them; nothing for a table without these columns.
std::optional<std::unordered_set<std::string>> used_files(const fs::path& path) {
  if (!is_file(path)) return std::nullopt;
  const std::string text = read_file(path);
  data::CsvReader csv(text, path.string());
  const auto& columns = csv.header();
  const auto file = std::find(columns.begin(), columns.end(), "file") - columns.begin(),
             split = std::find(columns.begin(), columns.end(), "split") - columns.begin();
  if (std::max(file, split) == std::ssize(columns)) return std::nullopt;
  std::unordered_set<std::string> used;
  std::vector<std::string_view> fields;
  while (csv.next(fields))
    if (const auto part = fields[std::size_t(split)]; part == "train" || part == "val")
      used.emplace(fields[std::size_t(file)]);
  return used;
}

Seen by_record(const std::string& model, const ModelInfo& info, const ScorePlan& plan, const std::string& root) {
  const auto& test = info.split->test;
  const int64_t seen = std::count_if(plan.items.begin(), plan.items.end(), [&](std::size_t item) {
    return !std::binary_search(test.begin(), test.end(), uint32_t(item));
  });
  const std::string scored = grouped(std::ssize(plan.items)), all = grouped(std::ssize(plan.data.catalog.items));
  if (seen == 0)
    return {0,
            fmt::format("{} was trained on {}: of its {} images, the {} test images are scored; --split all scores all",
                        model, root, all, scored)};
  return {seen, fmt::format("{} was trained or validated on {} of the {} images scored; --split test scores the others",
                            model, grouped(seen), scored)};
}

}  // namespace

Seen seen_by(const fs::path& model, const ModelInfo& info, const ScorePlan& plan, const std::string& root) {
  if (plan.of_training) return by_record(model.string(), info, plan, root);
  const std::string scored = grouped(std::ssize(plan.items));
  const fs::path split = model.parent_path() / "split.csv";
  if (const auto used = used_files(split)) {
    const auto& items = plan.data.catalog.items;
    const int64_t seen = std::count_if(plan.items.begin(), plan.items.end(),
                                       [&](std::size_t item) { return used->contains(items[item].file); });
    return {seen, fmt::format("{} is not as it was when {} was trained; {} of the {} images scored have the names of "
                              "images that trained or validated it ({})",
                              root, model.string(), seen == 0 ? "none" : grouped(seen), scored, split.string())};
  }
  if (info.split)
    return {std::nullopt,
            fmt::format("{} is not the data set that {} was trained on (it had {} images); all {} images are scored",
                        root, model.string(), grouped(info.split->pictures), scored)};
  return {std::nullopt, fmt::format("{} does not say which images it was trained on; {} of {} are scored",
                                    model.string(), scored, root)};
}

}  // namespace pc::evaluate
