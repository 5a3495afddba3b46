#include "tools/serve/query.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "kernels/base/error.h"

namespace pc::serve {
namespace {

int number(const std::string& name, const std::string& text, int least, int most) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < least || value > most)
    fail(Exit::usage, fmt::format("{}: \"{}\" is no whole number from {} to {}", name, text, least, most));
  return value;
}

}  // namespace

PredictQuery parse_query(const std::string& query, const ModelInfo& info, bool has_index) {
  PredictQuery result;
  std::set<std::string> seen;
  for (std::size_t at = 0; at < query.size();) {
    const std::string one = query.substr(at, query.find('&', at) - at);
    at += one.size() + 1;
    const std::size_t equals = std::min(one.find('='), one.size());
    const std::string name = one.substr(0, equals), value = one.substr(std::min(equals + 1, one.size()));
    if (!seen.insert(name).second) fail(Exit::usage, name + ": given twice");
    if (name == "top_k") {
      result.style.top_k = number(name, value, 1, 1'000'000);
    } else if (name == "logits") {
      result.style.logits = number(name, value, 0, 1) == 1;
    } else if (name == "explain") {
      result.explain = number(name, value, 0, 1) == 1;
    } else if (name == "similar") {
      result.style.similar = number(name, value, 0, 100);
      if (result.style.similar > 0 && !has_index) fail(Exit::usage, "similar: the server was started without --index");
    } else if (name == "accept_at") {
      const std::vector<int> there = predict::precisions(info);
      result.style.accept_at = number(name, value, 0, 100);
      if (std::find(there.begin(), there.end(), result.style.accept_at) == there.end())
        fail(Exit::usage, fmt::format("accept_at: the model knows {}", fmt::join(there, ", ")));
    } else {
      fail(Exit::usage,
           fmt::format("unknown parameter \"{}\"; known: top_k, accept_at, logits, similar, explain", name));
    }
  }
  return result;
}

}  // namespace pc::serve
