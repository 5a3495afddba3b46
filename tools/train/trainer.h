// The training loop: from a configuration to runs/NAME/model.safetensors.
#pragma once

#include "kernels/base/error.h"
#include "tools/runs/train_config.h"

namespace pc {

// Trains, or goes on where an interrupted run stopped. Returns Exit::ok when the run is finished, Exit::stopped after SIGINT or SIGTERM
// with a checkpoint written. Scores go to stdout, everything else to stderr.
Exit train(TrainConfig& config);

// Tries rising learning rates on a fresh model (tools/train/lr_find.h) and prints what they suggest; the run's checkpoint and result stay
// as they are. Errors: as report_rates; Error(usage) where an epoch has too few steps.
void find_rate(TrainConfig& config);

// Builds everything, sends one batch through every stage and prints shapes, parameter count and memory. Writes nothing.
void dry_run(TrainConfig& config);

}  // namespace pc
