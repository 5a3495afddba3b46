#include "tools/train/messages.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "tools/cli/progress.h"
#include "tools/cli/terminal.h"
#include "tools/report/learned.h"

namespace pc::train {

using nlohmann::json;

std::vector<std::string> epoch_lines(const json& event, const ModelInfo& info, int64_t epochs, double seconds_left,
                                     const std::vector<evaluate::HeadScore>& val) {
  const auto epoch = event["epoch"].get<int64_t>();
  std::vector<std::string> lines{
      fmt::format("epoch {}/{}: {:.0f} img/s", epoch, epochs, event["img_per_s"].get<double>())};
  if (epoch < epochs) lines[0] += fmt::format(", {} left", cli::clock_text(seconds_left));
  std::size_t longest = 0;
  for (const Head& head : info.heads) longest = std::max(longest, cli::width(head.name));
  for (std::size_t h = 0; h < info.heads.size(); ++h) {
    const std::string& name = info.heads[h].name;
    const json& train = event["train"][name];
    lines.push_back(fmt::format("  {} loss {:.3f} accuracy {:.3f}", cli::padded(name, longest),
                                train["loss"].get<double>(), train["accuracy"].get<double>()));
    if (!val.empty())
      lines.back() += fmt::format(", val loss {:.3f} accuracy {:.4f} (majority {:.4f})",
                                  event["val"][name].value("loss", 0.0), val[h].accuracy(), val[h].majority());
  }
  if (lines.size() == 2) lines = {lines[0] + " |" + lines[1].substr(1)};
  return lines;
}

std::string accuracy_line(const std::vector<evaluate::HeadScore>& scores) {
  std::string text;
  for (const evaluate::HeadScore& s : scores) {
    const evaluate::Interval interval = evaluate::wilson(s.accuracy(), s.n());
    text += fmt::format("{}{} ", text.empty() ? "" : ", ", s.name);
    text += s.n()
                ? fmt::format("{:.1f} % ({:.1f} … {:.1f})", 100 * s.accuracy(), 100 * interval.low, 100 * interval.high)
                : "unknown";
  }
  return "test accuracy: " + text;
}

std::vector<std::string> nothing_learned(const ModelInfo& info, const std::vector<evaluate::HeadScore>& scores) {
  std::vector<std::string> lines;
  for (std::size_t h = 0; h < scores.size(); ++h)
    if (std::string text = report::no_better_than_one_answer(scores[h], info.heads[h].labels); !text.empty())
      lines.push_back(std::move(text));
  return lines;
}

}  // namespace pc::train
