// The training loop: from a configuration to runs/NAME/model.safetensors.
#pragma once

#include "kernels/base/error.h"
#include "tools/runs/train_config.h"

namespace pc::train {

// Trains, or resumes where an interrupted run stopped, or writes those results of a trained run that are missing. Returns Exit::ok when
// the run is finished, that is when all its results are written, Exit::stopped after SIGINT or SIGTERM with a checkpoint written. Scores go
// to stdout, everything else to stderr. Errors before the first step leave no files; Error(numeric) leaves the last good checkpoint.
Exit train(runs::TrainConfig& config);

// Tries rising learning rates on a fresh model (tools/train/lr_find.h) and prints what they suggest; the run's checkpoint and result stay
// as they are. Errors: as report_rates.
void find_rate(runs::TrainConfig& config);

// Builds everything, sends one batch through every stage and prints shapes, parameter count and memory. Writes nothing.
void dry_run(runs::TrainConfig& config);

}  // namespace pc::train
