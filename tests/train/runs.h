// A small data set in a folder, and programs run on it as a person would run them.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace pc::test {

// One folder per class ("blue", "green", "red"), `per_class` noisy 24x20 PNG pictures of that color in each.
void make_colors(const std::filesystem::path& root, int per_class);

struct Outcome {
  int code = -1;  // exit code; 128 + signal where one ended the program
  std::string out, err;
};
// Runs BIN/program; after `kill_after_ms` (if not negative) sends it `signal`.
Outcome run_program(const std::string& program, const std::vector<std::string>& arguments, int kill_after_ms = -1,
                    int signal = 0);

// pctrain on `data` into runs/NAME: resnet18 at 32x32, batch 8, two epochs, a checkpoint every second step.
std::vector<std::string> train_arguments(const std::filesystem::path& folder, const std::filesystem::path& data,
                                         const std::string& name);

}  // namespace pc::test
