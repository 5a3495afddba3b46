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

// Where a run stands. Numbers go through JSON and come back bit for bit.
struct TrainState {
  int64_t epoch = 0, step = 0;  // epochs done, steps done in this one
  int64_t total_steps = 0;
  std::vector<double> loss_sums;    // of this epoch, per head, times batch size
  std::vector<int64_t> hits, seen;  // of this epoch, per head
  double best = -1;                 // mean validation accuracy of best_epoch; kept with train.patience only
  int64_t best_epoch = 0;           // counted from 1
  int64_t finished = 0;             // train.epochs of the run that is done; 0: none yet
  double seconds = 0;               // of training so far
  int64_t log_bytes = 0;
};

// `average` may be null.
void save_checkpoint(const RunFolder& run, Module& model, Module* average, Optimizer& optimizer,
                     const TrainState& state);
// Nothing where no checkpoint exists. Errors: Error(data) for one that does not fit.
std::optional<TrainState> load_checkpoint(const RunFolder& run, Module& model, Module* average, Optimizer& optimizer);

}  // namespace pc::runs
