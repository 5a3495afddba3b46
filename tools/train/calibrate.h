// After training: what the answers of the model are worth, learned from the validation pictures and measured on the
// test pictures.
#pragma once

#include "models/model_file.h"
#include "tools/train/batches.h"
#include "tools/train/data_plan.h"
#include "tools/train/run_folder.h"

namespace pc {

// Sets info.hierarchy from the training labels; from the validation pictures a temperature per head, thresholds per
// label for 90, 95 and 99 % precision, and the limit of novelty that 1 % of them exceed. Without validation pictures
// there is no calibration, and that is said. Logs one event "calibration" and prints a table on stderr.
void calibrate(ModelInfo& info, Classifier& model, const BatchMaker& batches, const DataPlan& plan, int batch,
               RunFolder& folder);

}  // namespace pc
