// The step at the end of a training run that calibrates the model on the validation pictures and measures on the test
// pictures what that is worth.
#pragma once

#include "models/model_file.h"
#include "tools/evaluate/labeled_logits.h"
#include "tools/runs/batches.h"
#include "tools/runs/data_plan.h"
#include "tools/runs/run_folder.h"

namespace pc::evaluate {

// Sets info.hierarchy from the training labels; from the validation pictures a temperature per head, thresholds per
// label for 90, 95 and 99 % precision, and the limit of novelty that 1 % of them exceed. Without validation pictures
// calibration is skipped with a message. Logs one event "calibration", with what that is worth on `test`, the
// answers to plan.test. Returns a line for people: how many of those would need no review; "" if that is not known.
std::string calibrate_run(ModelInfo& info, Classifier& model, const runs::BatchMaker& batches,
                          const runs::DataPlan& plan, int batch, const LabeledLogits& test, runs::RunFolder& folder);

}  // namespace pc::evaluate
