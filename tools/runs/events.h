// The events of a run, read back from metrics.jsonl.
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <vector>

namespace pc::runs {

// In the order of the file; none where there is no file. Errors: Error(data) "metrics.jsonl:3: …" for a line that is no
// JSON object with an "event".
std::vector<nlohmann::json> read_events(const std::filesystem::path& path);

// The same for the file's text; `name` stands for it in messages.
std::vector<nlohmann::json> parse_events(const std::string& text, const std::string& name);

// The number that lies below these keys, one level each; nothing where a key is absent or its value is no number.
std::optional<double> number_at(const nlohmann::json& event, const std::vector<std::string>& keys);

}  // namespace pc::runs
