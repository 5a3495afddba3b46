#include "tools/dataset/inspection.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "data/guard.h"
#include "data/image_format.h"
#include "data/name_key.h"
#include "kernels/base/error.h"
#include "kernels/base/parallel.h"

namespace pc::dataset {
namespace {

// What is kept of a picture once it has been decoded.
struct Seen {
  std::string size, mode;
  std::optional<std::string> error;
};

std::string mode_text(const data::ImageInfo& info) {
  if (info.format == data::ImageFormat::unknown) return name_of(info.mode);  // IDX: there is no picture file
  return fmt::format("{}, {}", name_of(info.format), name_of(info.mode));
}

Seen look_at(const data::DataSet& data, std::size_t item, data::Signature& signature) {
  Seen seen;
  const auto problem = data::image_problem(data.catalog.items[item].file, [&] {
    // As small as the comparison allows: the whole file is read and checked all the same.
    const data::Image image = data.images->image(item, {.min_side = 4 * data::Signature::kSide});
    const data::ImageInfo info = data.images->info(item);
    signature = data::signature_of(image.pixels.data(), image.h, image.w);
    seen.size = fmt::format("{}x{}", info.w, info.h);
    seen.mode = mode_text(info);
  });
  if (problem) seen.error = problem->message;
  return seen;
}

Counts largest_first(const std::map<std::string, int64_t>& by_name) {
  Counts counts(by_name.begin(), by_name.end());
  std::stable_sort(counts.begin(), counts.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  return counts;
}

}  // namespace

double ColumnFacts::majority() const { return labeled ? double(classes.front().count) / double(labeled) : 0; }

int64_t ColumnFacts::classes_below(int64_t count) const {
  return std::count_if(classes.begin(), classes.end(), [=](const ClassCount& c) { return c.count < count; });
}

ColumnFacts column_facts(const data::Catalog& catalog, std::size_t column) {
  ColumnFacts facts{.name = catalog.columns[column], .classes = {}};
  const auto& names = catalog.classes[column];
  for (std::size_t i = 0; i < names.size(); ++i) facts.classes.push_back({.name = names[i], .count = 0, .label = i});
  for (const auto& item : catalog.items) {
    const int32_t label = item.labels[column];
    label < 0 ? ++facts.missing : (++facts.classes[std::size_t(label)].count, ++facts.labeled);
  }
  std::stable_sort(facts.classes.begin(), facts.classes.end(),
                   [](const ClassCount& a, const ClassCount& b) { return a.count > b.count; });
  return facts;
}

std::vector<std::string> shown_names(const ColumnFacts& column) {
  std::vector<std::string> names;
  for (const ClassCount& c : column.classes) names.push_back(c.name);
  return data::told_apart(names);
}

std::vector<Disagreement> disagreements_in(const data::Catalog& catalog, std::size_t column,
                                           const std::vector<std::vector<uint32_t>>& groups) {
  std::vector<Disagreement> found;
  for (const auto& group : groups) {
    Disagreement d;
    std::map<int32_t, std::size_t> votes;
    for (const uint32_t item : group) {
      const int32_t label = catalog.items[item].labels[column];
      if (label < 0) continue;
      d.items.push_back(item);
      ++votes[label];
    }
    if (votes.size() < 2) continue;
    for (const uint32_t item : d.items)
      if (2 * votes[catalog.items[item].labels[column]] <= d.items.size()) d.suspects.push_back(item);
    found.push_back(std::move(d));
  }
  return found;
}

const std::string& label_of(const data::Catalog& catalog, std::size_t item, std::size_t column) {
  static const std::string none;
  const int32_t label = catalog.items[item].labels[column];
  return label < 0 ? none : catalog.classes[column][std::size_t(label)];
}

Inspection inspect(const data::DataSet& data, const data::PackProgress& progress) {
  const data::Catalog& catalog = data.catalog;
  const auto total = int64_t(catalog.items.size());
  Inspection found{.pictures = total};
  std::vector<data::Signature> signatures(catalog.items.size());
  std::map<std::string, int64_t> sizes, modes;
  constexpr int64_t kStep = 512;  // pictures between two reports of progress
  for (int64_t first = 0; first < total; first += kStep) {
    if (progress) progress(first, total);
    std::vector<Seen> step(std::size_t(std::min(kStep, total - first)));
    parallel_for(int64_t(step.size()), 8, [&](int64_t begin, int64_t end) {
      for (auto i = std::size_t(begin); i < std::size_t(end); ++i)
        step[i] = look_at(data, std::size_t(first) + i, signatures[std::size_t(first) + i]);
    });
    for (std::size_t i = 0; i < step.size(); ++i) {
      const std::size_t item = std::size_t(first) + i;
      if (step[i].error) {
        found.unreadable.push_back({.item = item, .file = catalog.items[item].file, .reason = *step[i].error});
        continue;
      }
      ++found.readable;
      ++sizes[step[i].size];
      ++modes[step[i].mode];
    }
  }
  if (progress) progress(total, total);
  found.sizes = largest_first(sizes);
  found.modes = largest_first(modes);
  found.groups = data::near_duplicate_groups(signatures);
  for (std::size_t c = 0; c < catalog.columns.size(); ++c) {
    found.columns.push_back(column_facts(catalog, c));
    found.disagreements.push_back(disagreements_in(catalog, c, found.groups));
  }
  return found;
}

}  // namespace pc::dataset
