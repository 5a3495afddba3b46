#include "tools/train/lr_find.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "kernels/base/error.h"
#include "kernels/base/file.h"
#include "kernels/base/logger.h"
#include "tools/report/chart.h"

namespace pc::train {
namespace {

constexpr double kFirst = 1e-6, kLast = 10, kKeep = 0.9, kBroken = 4;
constexpr std::size_t kSettled = 10;  // probes until the average says something

double checked(const LrStep& step, double lr) {
  try {
    return step(lr);
  } catch (const Error& error) {
    if (error.code() != Exit::numeric) throw;
    return INFINITY;
  }
}

report::Chart chart_of(const std::vector<LrProbe>& probes, const std::optional<LrSuggestion>& suggestion) {
  report::Curve raw{.name = "loss of the step", .points = {}, .color = 7}, smooth{.name = "smoothed", .points = {}};
  for (const LrProbe& p : probes) {
    raw.points.push_back({p.lr, p.loss});
    smooth.points.push_back({p.lr, p.smooth});
  }
  report::Chart chart{.title = "Learning-rate finder",
                      .x = {.name = "learning rate", .log = true},
                      .y = {.name = "loss", .from = 0, .to = probes.empty() ? 1 : 2 * probes.front().loss},
                      .curves = {raw, smooth}};
  if (suggestion)
    chart.marks = {{suggestion->steepest, fmt::format("{:.2g}: falls fastest", suggestion->steepest)},
                   {suggestion->tenth, fmt::format("{:.2g}: a tenth of the least's", suggestion->tenth)}};
  return chart;
}

}  // namespace

std::vector<LrProbe> probe_rates(int64_t steps, const LrStep& step) {
  std::vector<LrProbe> probes;
  double average = 0, least = INFINITY;
  for (int64_t i = 0; i < steps; ++i) {
    const double lr = kFirst * std::pow(kLast / kFirst, double(i) / double(std::max<int64_t>(1, steps - 1)));
    const double loss = checked(step, lr);
    if (!std::isfinite(loss)) break;
    average = kKeep * average + (1 - kKeep) * loss;
    const double smooth = average / (1 - std::pow(kKeep, double(i + 1)));
    probes.push_back({lr, loss, smooth});
    if (smooth > kBroken * least) break;
    least = std::min(least, smooth);
  }
  return probes;
}

std::optional<LrSuggestion> suggest_rate(const std::vector<LrProbe>& probes) {
  if (probes.size() <= kSettled) return std::nullopt;
  const auto least = std::min_element(probes.begin() + kSettled, probes.end(),
                                      [](const auto& a, const auto& b) { return a.smooth < b.smooth; });
  double steepest = 0, rate = 0;
  for (auto p = probes.begin() + kSettled; p != least;
       ++p)  // equal factors of the rate: the plain difference is the slope
    if (const double slope = (p + 1)->smooth - (p - 1)->smooth; slope < steepest) steepest = slope, rate = p->lr;
  if (steepest == 0) return std::nullopt;
  return LrSuggestion{.steepest = rate, .tenth = least->lr / 10};
}

void report_rates(const std::filesystem::path& folder, double lr, const std::vector<LrProbe>& probes) {
  const auto suggestion = suggest_rate(probes);
  std::string csv = "lr,loss,smoothed\n";
  for (const LrProbe& p : probes) csv += fmt::format("{},{},{}\n", p.lr, p.loss, p.smooth);
  write_file_atomically(folder / "lr_find.csv", csv);
  write_file_atomically(folder / "lr_find.svg", report::chart_file(chart_of(probes, suggestion)));
  note("{} steps; curve: {}", probes.size(), (folder / "lr_find.svg").string());
  if (!suggestion)
    fail(Exit::numeric,
         fmt::format("the loss never fell in {} steps; see {}", probes.size(), (folder / "lr_find.csv").string()));
  const std::string take = fmt::format("{:.2g}", suggestion->tenth);
  note("take {}, a tenth of the rate at which the loss was least; it fell fastest at {:.2g}", take,
       suggestion->steepest);
  note("this run has {}; use --lr {}, or in section [train] of the configuration:", lr, take);
  fmt::print("lr = {}\n", take);
}

}  // namespace pc::train
