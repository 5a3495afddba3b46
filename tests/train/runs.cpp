#include "tests/train/runs.h"

#include <fmt/format.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <thread>

#include "data/png.h"
#include "kernels/base/file.h"
#include "kernels/base/random.h"

namespace pc::test {

void write_png(const std::filesystem::path& path, const data::Image& image) {
  const auto png = encode_png(image);
  write_file_atomically(path, {reinterpret_cast<const char*>(png.data()), png.size()});
}

void make_colors(const std::filesystem::path& root, int per_class) {
  const char* names[] = {"blue", "green", "red"};
  for (std::size_t c = 0; c < 3; ++c) {
    std::filesystem::create_directories(root / names[c]);
    for (int i = 0; i < per_class; ++i) {
      data::Image image{.h = 24, .w = 20, .pixels = std::vector<uint8_t>(24 * 20 * 3)};
      for (std::size_t p = 0; p < image.pixels.size(); ++p)
        image.pixels[p] = uint8_t((p % 3 == 2 - c ? 150 : 30) + int(philox(c, uint64_t(i), p).word[0] % 80));
      write_png(root / names[c] / fmt::format("{:03}.png", i), image);
    }
  }
}

Outcome run_program(const std::string& program, const std::vector<std::string>& arguments, int kill_after_ms,
                    int signal) {
  const TemporaryFolder prints;
  const pid_t child = start(prints.path(), ".", program, arguments);
  if (kill_after_ms >= 0) {
    std::this_thread::sleep_for(std::chrono::milliseconds(kill_after_ms));
    ::kill(child, signal);
  }
  return wait_for(child, prints.path());
}

std::vector<std::string> train_arguments(const std::filesystem::path& folder, const std::filesystem::path& data,
                                         const std::string& name) {
  const auto config = folder / "config.ini";
  write_file_atomically(
      config,
      fmt::format(
          "[data]\nroot = {}\ncache = {}\n[model]\nweights =\nheight = 32\nwidth = 32\n[train]\nepochs = 2\nbatch = 8\n"
          "lr = 0.02\nsave_every = 2\n[output]\nruns = {}\n",
          data.string(), (folder / "cache").string(), (folder / "runs").string()));
  return {config.string(), "--set", "output.name=" + name};
}

std::vector<nlohmann::json> events_of(const std::filesystem::path& run, const std::string& kind) {
  std::ifstream log(run / "metrics.jsonl");
  std::vector<nlohmann::json> events;
  for (std::string line; std::getline(log, line);)
    if (auto event = nlohmann::json::parse(line); kind.empty() || event["event"] == kind) events.push_back(event);
  return events;
}

bool survives_kills(const std::filesystem::path& runs, const std::function<Outcome(const std::string&, int)>& train) {
  EXPECT_EQ(train("whole", -1).code, 0);
  int killed = 0;
  for (const int wait : {400, 700, 300, 900, 500, 600}) killed += train("torn", wait).code == 128 + SIGKILL;
  EXPECT_GT(killed, 0);
  EXPECT_EQ(train("torn", -1).code, 0);
  return read_file(runs / "torn/model.safetensors") == read_file(runs / "whole/model.safetensors");
}

}  // namespace pc::test
