#include "tools/evaluate/class_map.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <span>

#include "data/csv.h"
#include "data/name_key.h"
#include "kernels/base/error.h"
#include "kernels/base/file.h"

namespace pc::evaluate {
namespace {

bool has(const std::vector<std::string>& all, const std::string& one) { return data::find_name(all, one).has_value(); }

// Comments become blank lines, so that the reader's line numbers stay true.
std::string without_comments(const std::string& text) {
  std::string kept;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size() - 1) + 1;
    kept += text[at] == '#' ? "\n" : text.substr(at, end - at);
    at = end;
  }
  return kept;
}

}  // namespace

void ClassMap::add(const std::filesystem::path& path) {
  const std::string text = without_comments(read_file(path));
  data::CsvReader reader(text, path.string());
  const std::size_t name = reader.column("class"), label = reader.column("label");
  if (reader.header().size() != 2) reader.fail_row("more than the two columns class and label");
  const std::size_t before = pairs_.size();
  for (std::vector<std::string_view> fields; reader.next(fields);) {
    if (reader.repaired()) reader.fail_row("a comma too many; put quotes around a name that has one");
    Pair pair{std::string(fields[name]), std::string(fields[label]),
              fmt::format("{}:{}", path.string(), reader.line())};
    if (pair.name.empty() || pair.label.empty()) reader.fail_row("a class or a label is empty");
    const auto same = std::find_if(pairs_.begin() + std::ptrdiff_t(before), pairs_.end(), [&](const Pair& other) {
      return other.name == pair.name && other.label == pair.label;
    });
    if (same != pairs_.end())
      reader.fail_row(fmt::format("{},{} stands at {} already", pair.name, pair.label, same->place));
    pairs_.push_back(std::move(pair));
  }
  if (pairs_.size() == before) fail(Exit::data, path.string() + ": no row below the header class,label");
}

void ClassMap::check_classes(const std::vector<std::string>& classes, const std::string& root) const {
  const auto first = std::span(classes).first(std::min<std::size_t>(30, classes.size()));
  for (const Pair& pair : pairs_)
    if (!has(classes, pair.name))
      fail(Exit::data, fmt::format("{}: {} has no class \"{}\"; its classes: {}", pair.place, root, pair.name,
                                   fmt::join(first, ", ")));
}

std::vector<std::vector<int32_t>> ClassMap::correct_labels(const std::vector<std::string>& classes,
                                                           const std::vector<std::string>& labels) const {
  std::vector<std::vector<int32_t>> correct(classes.size());
  for (const Pair& pair : pairs_) {
    const auto name = data::find_name(classes, pair.name), label = data::find_name(labels, pair.label);
    if (!name || !label) continue;
    auto& of_class = correct[*name];
    if (std::find(of_class.begin(), of_class.end(), int32_t(*label)) == of_class.end())
      of_class.push_back(int32_t(*label));
  }
  return correct;
}

std::vector<std::string> ClassMap::labels_if(const std::vector<std::string>& labels, bool known) const {
  std::vector<std::string> found;
  for (const Pair& pair : pairs_)
    if (has(labels, pair.label) == known && std::find(found.begin(), found.end(), pair.label) == found.end())
      found.push_back(pair.label);
  return found;
}

int ClassMap::best_head(const std::vector<Head>& heads) const {
  int best = -1;
  std::size_t most = 0;
  for (std::size_t h = 0; h < heads.size(); ++h) {
    const std::size_t count = known(heads[h].labels).size();
    if (count > most)
      best = int(h), most = count;
    else if (count == most)
      best = -1;
  }
  return best;
}

}  // namespace pc::evaluate
