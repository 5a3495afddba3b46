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
#include "tools/runs/made_folders.h"
#include "tools/runs/train_state.h"

namespace pc::runs {

class RunFolder {
 public:
  // Makes the folder, takes its lock and removes what a killed run was writing. A folder that was made here, and is
  // still empty at the end, is removed: a refused run leaves nothing. Errors: Error(file) where it cannot be written or
  // another process holds it.
  explicit RunFolder(const std::filesystem::path& path);

  // Whether the run there, if any, has the same configuration. Keys that do not change results may differ, and more
  // epochs may be asked for; one that is auto takes the run's value. Error(usage) names the first key that differs.
  void match_config(const std::vector<cli::ConfigKey>& keys) const;
  // Writes config.ini: from here on there is a run.
  void write_config(const std::vector<cli::ConfigKey>& keys);

  // Whether a run of that many epochs has left all its results.
  bool finished(int64_t epochs) const;
  std::filesystem::path model_path() const { return path_ / "model.safetensors"; }
  std::filesystem::path best_path() const { return path_ / "last" / "best.safetensors"; }
  std::filesystem::path checkpoint_path() const { return path_ / "last" / "checkpoint.safetensors"; }
  const std::filesystem::path& path() const { return path_; }

  // One line of metrics.jsonl, flushed to the file.
  void log(const nlohmann::json& event);
  void sync_log() const;
  // What the file is cut back to on resume: lines after the checkpoint are written again.
  int64_t log_bytes() const;
  void truncate_log(int64_t bytes);

 private:
  std::filesystem::path path_;
  MadeFolders folders_;  // outlives the lock, whose file lies in them
  cli::LockFile lock_;
};

// Syncs the log first, whose bytes the state counts. `average` may be null. Errors: as save_state; the checkpoint before it stays then.
void save_checkpoint(const RunFolder& run, Module& model, Module* average, Optimizer& optimizer,
                     const TrainState& state);
// Nothing where no checkpoint exists. Errors: Error(data) for one that does not fit the modules or the number of heads.
std::optional<TrainState> load_checkpoint(const RunFolder& run, Module& model, Module* average, Optimizer& optimizer,
                                          std::size_t heads);

}  // namespace pc::runs
