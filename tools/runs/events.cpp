#include "tools/runs/events.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "kernels/base/error.h"
#include "kernels/base/file.h"

namespace pc::runs {

using nlohmann::json;

std::vector<json> read_events(const std::filesystem::path& path) {
  if (!path_exists(path)) return {};
  return parse_events(read_file(path), path.string());
}

std::vector<json> parse_events(const std::string& text, const std::string& name) {
  std::vector<json> events;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    json event = json::parse(line, nullptr, false);
    if (!event.is_object() || !event.contains("event") || !event["event"].is_string())
      fail(Exit::data, fmt::format("{}:{}: not an event of a training run", name, events.size() + 1));
    events.push_back(std::move(event));
  }
  return events;
}

std::optional<double> number_at(const json& event, const std::vector<std::string>& keys) {
  const json* at = &event;
  for (const std::string& key : keys) {
    if (!at->is_object() || !at->contains(key)) return std::nullopt;
    at = &(*at)[key];
  }
  return at->is_number() ? std::optional(at->get<double>()) : std::nullopt;
}

}  // namespace pc::runs
