// runs/NAME: the lock, config.ini, metrics.jsonl, the checkpoint in last/ and the finished model.safetensors.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "engine/optimizer.h"
#include "engine/safetensors.h"
#include "tools/cli/ini.h"
#include "tools/cli/lock_file.h"
#include "tools/runs/train_state.h"

namespace pc::runs {

class RunFolder {
 public:
  // Makes the folder and takes its lock. Errors: Error(file) where it cannot be written or another process holds it.
  explicit RunFolder(const std::filesystem::path& path);

  // Writes config.ini, or checks that the one there says the same. Keys that do not change results may differ, and more
  // epochs may be asked for. Error(usage) names the first key that differs.
  void claim(const std::vector<cli::ConfigKey>& keys);

  // Whether a run of that many epochs has left its result.
  bool finished(int64_t epochs) const;
  std::filesystem::path model_path() const { return path_ / "model.safetensors"; }
  std::filesystem::path best_path() const { return path_ / "last" / "best.safetensors"; }
  std::filesystem::path checkpoint_path() const { return path_ / "last" / "checkpoint.safetensors"; }
  const std::filesystem::path& path() const { return path_; }

  // One line of metrics.jsonl, flushed to the file.
  void log(const nlohmann::json& event);
  // What the file is cut back to on resume: lines after the checkpoint are written again.
  int64_t log_bytes() const;
  void truncate_log(int64_t bytes);

 private:
  std::filesystem::path path_;
  cli::LockFile lock_;
};

// `average` may be null. Errors: as save_state; the checkpoint before it stays then.
void save_checkpoint(const RunFolder& run, Module& model, Module* average, Optimizer& optimizer,
                     const TrainState& state);
// Nothing where no checkpoint exists. Errors: Error(data) for one that does not fit the modules or the number of heads.
std::optional<TrainState> load_checkpoint(const RunFolder& run, Module& model, Module* average, Optimizer& optimizer,
                                          std::size_t heads);

}  // namespace pc::runs
