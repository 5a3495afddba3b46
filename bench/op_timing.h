// Benchmarks of an op from its table of cases (tests/ops/op_case.h).
#pragma once

#include "bench/bench.h"
#include "tests/ops/op_case.h"

namespace pc::bench {

// For every device and type: "forward/DEVICE/TYPE/NAME", and "step/…", which is forward and backward. An input counts once
// for each pass that reads it, a result once; masks and statistics are left out. Give cases of at least 1 GiB (f32, inputs
// and result): smaller results stay in the caches from call to call.
void add_ops(const std::vector<test::OpCase>& cases);

// The same for the ops of ResNet18, at its convolutions' shapes: "forward/DEVICE/TYPE/80x60/b64/NAME". Their results may be
// small enough to stay in the caches, as in training.
void add_resnet18_ops(
    const std::function<std::vector<test::OpCase>(const std::vector<ConvLayer>&, Device, DType)>& cases);

}  // namespace pc::bench
