#include "tools/weights/find_state_dict.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <unordered_set>
#include <vector>

#include "kernels/base/error.h"
#include "kernels/base/text.h"

namespace pc::weights {
namespace {

using Kind = PickleValue::Kind;

constexpr int kDeepest = 4;

constexpr std::string_view kNames[] = {"state_dict_ema",   "model_ema",   "ema_state_dict", "model_ema_state_dict",
                                       "ema_model",        "ema",         "params_ema",     "state_dict",
                                       "model_state_dict", "model_state", "model",          "module",
                                       "net_state_dict",   "net",         "network",        "network_state_dict",
                                       "backbone",         "encoder",     "weights",        "params",
                                       "student",          "teacher"};

struct Candidate {
  const PickleValue* dict;
  std::string path;  // "model.ema"
  std::size_t rank = std::size(kNames);
  double numbers = 0;
};

// 0 for a dict without tensors.
double count_numbers(const Pickle& p, const PickleValue& dict) {
  double sum = 0;
  for (std::size_t i = 1; i < dict.items.size(); i += 2)
    if (const PickleValue& value = p[dict.items[i]]; value.kind == Kind::tensor)
      sum += 1 + double(element_count(p.tensors[std::size_t(value.integer)].shape));
  return sum;
}

// Each dict once: a pickle may refer to one from many places.
void collect(const Pickle& p, const Candidate& at, int depth, std::unordered_set<const PickleValue*>& seen,
             std::vector<Candidate>& all) {
  if (at.numbers > 0) all.push_back(at);
  if (depth == kDeepest) return;
  for (std::size_t i = 0; i < at.dict->items.size(); i += 2) {
    const PickleValue &key = p[at.dict->items[i]], &value = p[at.dict->items[i + 1]];
    if (key.kind != Kind::string || value.kind != Kind::dict || !seen.insert(&value).second) continue;
    const auto rank = std::size_t(std::find(std::begin(kNames), std::end(kNames), key.string) - std::begin(kNames));
    collect(p,
            {.dict = &value,
             .path = at.path + (at.path.empty() ? "" : ".") + printable(key.string),
             .rank = std::min(at.rank, rank),
             .numbers = count_numbers(p, value)},
            depth + 1, seen, all);
  }
}

std::string keys_of(const Pickle& p, const PickleValue& dict) {
  std::string keys;
  for (std::size_t i = 0; i < dict.items.size() && i < 20; i += 2)
    keys.append(1, ' ').append(printable(p[dict.items[i]].string));
  return keys;
}

std::string note(const Candidate& taken, const std::vector<Candidate>& all) {
  constexpr std::size_t kShown = 3;
  std::string others;
  std::size_t shown = 0;
  for (const Candidate& c : all) {
    if (c.dict == taken.dict || shown == kShown) continue;
    others += fmt::format("{}{}", shown++ == 0 ? "" : ", ", c.path.empty() ? "those beside it" : "\"" + c.path + "\"");
  }
  if (taken.path.empty()) return others.empty() ? "" : "takes the tensors at its top, not " + others;
  return fmt::format("takes the weights under \"{}\"{}{}", taken.path, others.empty() ? "" : ", not ", others);
}

}  // namespace

FoundStateDict find_state_dict(const Pickle& p, const std::string& file) {
  const PickleValue& top = p[p.top];
  if (top.kind != Kind::dict)
    fail(Exit::data, fmt::format("{}: holds a {}, not a state dict", file, name_of(top.kind)));
  std::vector<Candidate> all;
  std::unordered_set<const PickleValue*> seen;
  collect(p, {.dict = &top, .path = "", .numbers = count_numbers(p, top)}, 0, seen, all);
  if (all.empty()) fail(Exit::data, fmt::format("{}: no state dict found in it; its keys:{}", file, keys_of(p, top)));
  double most = 0;
  for (const Candidate& c : all) most = std::max(most, c.numbers);
  const Candidate* best = nullptr;
  for (const Candidate& c : all) {
    if (2 * c.numbers < most) continue;
    if (!best || c.rank < best->rank || (c.rank == best->rank && c.numbers > best->numbers)) best = &c;
  }
  return {.dict = best->dict, .note = note(*best, all)};
}

}  // namespace pc::weights
