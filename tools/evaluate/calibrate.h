// After training: what the answers of the model are worth, learned from the validation pictures and measured on the
// test pictures.
#pragma once

#include <span>

#include "models/model_file.h"
#include "tools/evaluate/fit_calibration.h"
#include "tools/run/batches.h"
#include "tools/run/data_plan.h"
#include "tools/run/run_folder.h"

namespace pc {

// What the model, computing as in prediction, says of every item, with the batch maker's labels; `what` names the work
// in the progress bar.
CalibrationSet answer(Classifier& model, const BatchMaker& batches, std::span<const uint32_t> items, int batch,
                      const char* what);

// Sets info.hierarchy from the training labels; from the validation pictures a temperature per head, thresholds per
// label for 90, 95 and 99 % precision, and the limit of novelty that 1 % of them exceed. Without validation pictures
// there is no calibration, and that is said. Logs one event "calibration", with what that is worth on `test`, the
// answers to plan.test, and prints a table on stderr.
void calibrate(ModelInfo& info, Classifier& model, const BatchMaker& batches, const DataPlan& plan, int batch,
               const CalibrationSet& test, RunFolder& folder);

}  // namespace pc
