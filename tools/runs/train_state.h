// Where a run stands, as its checkpoint says in its metadata.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "engine/optimizer.h"

namespace pc::runs {

// Numbers go through JSON and come back bit for bit.
struct TrainState {
  int64_t epoch = 0, step = 0;  // epochs done, steps done in this one
  int64_t total_steps = 0;
  std::vector<double> loss_sums;    // of this epoch, per head, times batch size
  std::vector<int64_t> hits, seen;  // of this epoch, per head
  double best = -1;                 // mean validation accuracy of best_epoch; kept with train.patience only
  int64_t best_epoch = 0;           // counted from 1
  int64_t finished = 0;             // train.epochs of the run whose results are all written; 0: none yet
  double seconds = 0;               // of training so far
  int64_t log_bytes = 0;            // of metrics.jsonl
  int64_t trained_log_bytes = 0;    // of metrics.jsonl when the last epoch was done, before the test
};

struct Progress {
  TrainState train;
  GradScalerState scaler;
};

// The keys "pc.train" and "pc.scaler".
std::map<std::string, std::string> to_metadata(const Progress& progress);
// Error(data) with `path` where they are absent or broken, or counts are negative or of different numbers of heads.
Progress read_progress(const std::map<std::string, std::string>& metadata, const std::string& path);

}  // namespace pc::runs
