#include "tests/train/runs.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <thread>

#include "data/image.h"
#include "data/png.h"
#include "kernels/base/file.h"
#include "kernels/base/random.h"
#include "tests/support.h"

namespace pc::test {

void make_colors(const std::filesystem::path& root, int per_class) {
  const char* names[] = {"blue", "green", "red"};
  for (std::size_t c = 0; c < 3; ++c) {
    std::filesystem::create_directories(root / names[c]);
    for (int i = 0; i < per_class; ++i) {
      Image image{.h = 24, .w = 20, .pixels = std::vector<uint8_t>(24 * 20 * 3)};
      for (std::size_t p = 0; p < image.pixels.size(); ++p)
        image.pixels[p] = uint8_t((p % 3 == 2 - c ? 150 : 30) + int(philox(c, uint64_t(i), p).word[0] % 80));
      const auto png = encode_png(image);
      write_file_atomically(root / names[c] / fmt::format("{:03}.png", i),
                            {reinterpret_cast<const char*>(png.data()), png.size()});
    }
  }
}

Outcome run_program(const std::string& program, const std::vector<std::string>& arguments, int kill_after_ms,
                    int signal) {
  TemporaryFolder folder;
  const std::string out = (folder / "out").string(), err = (folder / "err").string();
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(::open(out.c_str(), O_WRONLY | O_CREAT, 0644), STDOUT_FILENO);
    ::dup2(::open(err.c_str(), O_WRONLY | O_CREAT, 0644), STDERR_FILENO);
    const std::string path = program.find('/') == std::string::npos ? std::string(PC_BIN_DIR) + "/" + program : program;
    std::vector<char*> argv{const_cast<char*>(path.c_str())};
    for (const std::string& a : arguments) argv.push_back(const_cast<char*>(a.c_str()));
    argv.push_back(nullptr);
    ::execv(path.c_str(), argv.data());
    ::_exit(127);
  }
  if (kill_after_ms >= 0) {
    std::this_thread::sleep_for(std::chrono::milliseconds(kill_after_ms));
    ::kill(child, signal);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), read_file(out), read_file(err)};
}

std::vector<std::string> train_arguments(const std::filesystem::path& folder, const std::filesystem::path& data,
                                         const std::string& name) {
  const auto config = folder / "config.ini";
  write_file_atomically(
      config,
      fmt::format("[data]\nroot = {}\ncache = {}\n[model]\nheight = 32\nwidth = 32\n[train]\nepochs = 2\nbatch = 8\n"
                  "lr = 0.02\nsave_every = 2\n[output]\nruns = {}\n",
                  data.string(), (folder / "cache").string(), (folder / "runs").string()));
  return {config.string(), "--set", "output.name=" + name};
}

}  // namespace pc::test
