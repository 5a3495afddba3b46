#include "tools/predict/answer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "tools/cli/text.h"

namespace pc {
namespace {

constexpr int kBar = 20;  // columns of a probability of 1

}  // namespace

std::vector<Guess> top_guesses(const std::vector<float>& logits, int k) {
  const std::size_t count = std::min(logits.size(), std::size_t(k));
  std::vector<std::size_t> order(logits.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::partial_sort(
      order.begin(), order.begin() + std::ptrdiff_t(count), order.end(),
      [&](std::size_t a, std::size_t b) { return logits[a] != logits[b] ? logits[a] > logits[b] : a < b; });
  if (count == 0) return {};
  const double top = logits[order.front()];
  double sum = 0;
  for (const float z : logits) sum += std::exp(z - top);
  std::vector<Guess> guesses;
  for (std::size_t i = 0; i < count; ++i)
    guesses.push_back({.label = order[i], .p = std::exp(logits[order[i]] - top) / sum});
  return guesses;
}

const char* status_of(Exit code) {
  switch (code) {
    case Exit::ok:
      return "ok";
    case Exit::file:
      return "file";
    case Exit::limit:
      return "limit";
    default:
      return "bad picture";
  }
}

nlohmann::ordered_json to_json(const std::string& file, const Outcome& outcome, const ModelInfo& info,
                               const AnswerStyle& style) {
  using json = nlohmann::ordered_json;
  json answer{{"file", file}, {"status", status_of(outcome.code)}};
  if (outcome.code != Exit::ok) {
    answer["error"] = outcome.error;
    return answer;
  }
  json heads = json::object(), logits = json::object();
  for (std::size_t h = 0; h < info.heads.size(); ++h) {
    json guesses = json::array();
    for (const Guess& guess : top_guesses(outcome.logits[h], style.top_k))
      guesses.push_back({{"label", info.heads[h].labels[guess.label]}, {"p", guess.p}});
    heads[info.heads[h].name] = std::move(guesses);
    logits[info.heads[h].name] = outcome.logits[h];
  }
  answer["heads"] = std::move(heads);
  if (style.logits) answer["logits"] = std::move(logits);
  return answer;
}

std::string to_text(const std::string& file, const Outcome& outcome, const ModelInfo& info, const AnswerStyle& style) {
  std::string text = visible(file) + "\n";
  if (outcome.code != Exit::ok) return text + "  no answer: " + status_of(outcome.code) + "\n";
  std::size_t head_width = 0, label_width = 0;
  std::vector<std::vector<Guess>> guesses;
  for (std::size_t h = 0; h < info.heads.size(); ++h) {
    head_width = std::max(head_width, width(info.heads[h].name));
    guesses.push_back(top_guesses(outcome.logits[h], style.top_k));
    for (const Guess& guess : guesses[h]) label_width = std::max(label_width, width(info.heads[h].labels[guess.label]));
  }
  for (std::size_t h = 0; h < info.heads.size(); ++h) {
    std::string name = visible(info.heads[h].name);
    for (const Guess& guess : guesses[h]) {
      text += fmt::format("  {}  {} {:5.1f} %{}\n", padded(name, head_width),
                          padded(visible(info.heads[h].labels[guess.label]), label_width), 100 * guess.p,
                          style.bars ? "  " + painted(bar(guess.p, kBar), style.colour) : "");
      name.clear();
    }
  }
  return text;
}

}  // namespace pc
