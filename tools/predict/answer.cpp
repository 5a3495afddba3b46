#include "tools/predict/answer.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>

#include "kernels/base/csv_writer.h"
#include "tools/cli/terminal.h"

namespace pc::predict {
namespace {

using nlohmann::ordered_json;

constexpr int kBar = 20;  // columns of a probability of 1

std::vector<std::vector<Guess>> all_guesses(const ModelInfo& info, const Logits& logits,
                                            const std::vector<Named>& named, int k) {
  const std::vector<double> t = temperatures(info);
  std::vector<std::vector<Guess>> all;
  for (std::size_t h = 0; h < named.size(); ++h) all.push_back(top_guesses(logits[h], t[h], named[h].label, k));
  return all;
}

std::vector<std::string> unconfident_heads(const ModelInfo& info, const std::vector<Named>& named) {
  std::vector<std::string> names;
  for (std::size_t h = 0; h < named.size(); ++h)
    if (!named[h].confident) names.push_back(info.heads[h].name);
  return names;
}

void add_verdict(ordered_json& answer, const ModelInfo& info, const Logits& logits, const std::vector<Named>& named) {
  answer["verdict"] = text_of(verdict_of(info, logits, named));
  answer["review"] = unconfident_heads(info, named);
  ordered_json& paths = answer["paths"] = ordered_json::array();
  for (const auto& chain : chains(info.hierarchy)) paths.push_back(confident_labels(info, chain, named));
  if (const auto& rule = info.calibration->novelty)
    answer["novelty"] = {{"score", novelty(*rule, logits)}, {"limit", rule->limit}};
}

std::string path_text(std::vector<std::string> labels, std::size_t levels) {
  if (labels.size() < levels) labels.push_back("?");
  return visible(fmt::format("{}", fmt::join(labels, " > ")));
}

std::string verdict_text(const ModelInfo& info, const Logits& logits, const std::vector<Named>& named) {
  const Verdict verdict = verdict_of(info, logits, named);
  std::string text;
  if (verdict != Verdict::out_of_distribution)
    for (const auto& chain : chains(info.hierarchy))
      text += fmt::format("  {}\n", path_text(confident_labels(info, chain, named), chain.size()));
  text += fmt::format("  {}", counted_text(verdict, 1));
  if (verdict == Verdict::review) text += visible(fmt::format(": {}", fmt::join(unconfident_heads(info, named), ", ")));
  return text + "\n";
}

std::string preprocess_text(const Preprocess& p) {
  return fmt::format("  seen as {}x{} pixels, {}\n", p.width, p.height,
                     p.resize == Resize::stretch ? "stretched"
                     : p.resize == Resize::pad   ? "padded"
                                                 : "cut to the middle");
}

}  // namespace

std::vector<Guess> top_guesses(const std::vector<float>& logits, double temperature, int32_t named, int k) {
  if (named < 0) return {};
  const std::vector<double> p = probabilities(logits, temperature);
  const auto first = std::size_t(named), count = std::min(logits.size(), std::size_t(k));
  std::vector<std::size_t> order(logits.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::swap(order.front(), order[first]);
  std::partial_sort(
      order.begin() + 1, order.begin() + std::ptrdiff_t(count), order.end(),
      [&](std::size_t a, std::size_t b) { return logits[a] != logits[b] ? logits[a] > logits[b] : a < b; });
  std::vector<Guess> guesses;
  for (std::size_t i = 0; i < count; ++i) guesses.push_back({.label = order[i], .p = p[order[i]]});
  return guesses;
}

ordered_json to_json(const std::string& file, const Outcome& outcome, const ModelInfo& info, const AnswerStyle& style) {
  ordered_json answer{{"file", file}, {"status", status_of(outcome.code)}};
  if (outcome.code != Exit::ok) {
    answer["error"] = outcome.error;
    return answer;
  }
  const std::vector<Named> named = named_labels(info, outcome.logits, style.accept_at);
  if (info.calibration) add_verdict(answer, info, outcome.logits, named);
  ordered_json heads = ordered_json::object(), logits = ordered_json::object();
  const auto guesses = all_guesses(info, outcome.logits, named, style.top_k);
  for (std::size_t h = 0; h < info.heads.size(); ++h) {
    ordered_json& list = heads[info.heads[h].name] = ordered_json::array();
    for (const Guess& guess : guesses[h])
      list.push_back({{"label", info.heads[h].labels[guess.label]}, {"p", guess.p}});
    logits[info.heads[h].name] = outcome.logits[h];
  }
  answer["heads"] = std::move(heads);
  answer["preprocess"] = to_json(info.preprocess);
  if (style.logits) answer["logits"] = std::move(logits);
  if (style.similar > 0) {
    ordered_json& list = answer["similar"] = ordered_json::array();
    for (const Neighbor& n : outcome.similar) list.push_back({{"file", n.file}, {"cosine", n.cosine}});
  }
  return answer;
}

std::string to_text(const std::string& file, const Outcome& outcome, const ModelInfo& info, const AnswerStyle& style) {
  std::string text = visible(file) + "\n";
  if (outcome.code == Exit::data) return text + "  not predicted: bad image\n";
  if (outcome.code != Exit::ok) return text + "  not predicted: " + status_of(outcome.code) + "\n";
  const std::vector<Named> named = named_labels(info, outcome.logits, style.accept_at);
  const auto guesses = all_guesses(info, outcome.logits, named, style.top_k);
  std::size_t head_width = 0, label_width = 0;
  for (std::size_t h = 0; h < info.heads.size(); ++h) {
    head_width = std::max(head_width, cli::width(info.heads[h].name));
    for (const Guess& guess : guesses[h])
      label_width = std::max(label_width, cli::width(info.heads[h].labels[guess.label]));
  }
  for (std::size_t h = 0; h < info.heads.size(); ++h) {
    std::string name = visible(info.heads[h].name);
    if (guesses[h].empty()) text += fmt::format("  {}  ?\n", cli::padded(name, head_width));
    for (const Guess& guess : guesses[h]) {
      text += fmt::format("  {}  {} {:5.1f} %{}\n", cli::padded(name, head_width),
                          cli::padded(visible(info.heads[h].labels[guess.label]), label_width), 100 * guess.p,
                          style.bars ? "  " + cli::painted(cli::bar(guess.p, kBar), style.color) : "");
      name.clear();
    }
  }
  for (const Neighbor& n : outcome.similar) text += fmt::format("  similar {:5.3f}  {}\n", n.cosine, visible(n.file));
  text += preprocess_text(info.preprocess);
  return info.calibration ? text + verdict_text(info, outcome.logits, named) : text;
}

std::string csv_header(const ModelInfo& info, const AnswerStyle& style) {
  std::string row = "file,status,error,verdict";
  for (const Head& head : info.heads)
    for (const char* suffix : {"", "_p", "_review"})
      if (info.calibration || suffix != std::string("_review")) row += "," + csv_cell(head.name + suffix);
  for (int i = 1; i <= style.similar; ++i) row += fmt::format(",similar_{0},similar_{0}_cosine", i);
  return row + "\n";
}

std::string to_csv(const std::string& file, const Outcome& outcome, const ModelInfo& info, const AnswerStyle& style) {
  std::string row = fmt::format("{},{},{}", csv_cell(file), status_of(outcome.code), csv_cell(outcome.error));
  const std::size_t columns = info.heads.size() * (info.calibration ? 3 : 2) + 2 * std::size_t(style.similar);
  if (outcome.code != Exit::ok) return row + std::string(1 + columns, ',') + "\n";
  const std::vector<Named> named = named_labels(info, outcome.logits, style.accept_at);
  row += info.calibration ? fmt::format(",{}", text_of(verdict_of(info, outcome.logits, named))) : ",";
  for (std::size_t h = 0; h < named.size(); ++h) {
    const bool any = named[h].label >= 0;
    row +=
        any ? fmt::format(",{},{:.6f}", csv_cell(info.heads[h].labels[std::size_t(named[h].label)]), named[h].p) : ",,";
    if (info.calibration) row += named[h].confident ? ",no" : ",yes";
  }
  for (std::size_t i = 0; i < std::size_t(style.similar); ++i)
    row += i < outcome.similar.size()
               ? fmt::format(",{},{:.6f}", csv_cell(outcome.similar[i].file), outcome.similar[i].cosine)
               : ",,";
  return row + "\n";
}

}  // namespace pc::predict
