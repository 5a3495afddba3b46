// A small data set in a folder, and programs run on it as a person would run them.
#pragma once

#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "data/image.h"
#include "tests/programs.h"

namespace pc::test {

// One folder per class ("blue", "green", "red"), `per_class` noisy 24x20 PNG pictures of that color in each.
void make_colors(const std::filesystem::path& root, int per_class);

void write_png(const std::filesystem::path& path, const data::Image& image);

// Runs BIN/program; after `kill_after_ms` (if not negative) sends it `signal`.
Outcome run_program(const std::string& program, const std::vector<std::string>& arguments, int kill_after_ms = -1,
                    int signal = 0);

// pctrain on `data` into runs/NAME: resnet18 at 32x32, batch 8, two epochs, a checkpoint every second step.
std::vector<std::string> train_arguments(const std::filesystem::path& folder, const std::filesystem::path& data,
                                         const std::string& name);

// The events of a run's metrics.jsonl; of one kind, if it is named.
std::vector<nlohmann::json> events_of(const std::filesystem::path& run, const std::string& kind = "");

// Whether a run that is killed again and again leaves the model of one that nobody disturbs. train(name, -1 or the
// milliseconds until SIGKILL) trains into runs/NAME.
bool survives_kills(const std::filesystem::path& runs, const std::function<Outcome(const std::string&, int)>& train);

}  // namespace pc::test
