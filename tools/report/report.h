// The report of a finished run: RUN/report.html, one page that needs nothing but itself, and RUN/confusion.csv.
#pragma once

#include <vector>

#include "tools/report/finished_run.h"

namespace pc {

// `tested` is of the run's test pictures, of which only those shown with heat maps are looked at once more. The curves
// come from RUN/metrics.jsonl, the table of shifts from RUN/shift.json (pceval --shift --json) where it lies there.
// Errors: Error(file); Error(data) naming the file that is not understood.
void write_report(const FinishedRun& run, std::vector<TestedHead> tested);

// The same for a run that finished earlier. Error(usage) where it has not; Error(data) where its test pictures cannot
// be told any more.
void report_again(TrainConfig& config);

}  // namespace pc
