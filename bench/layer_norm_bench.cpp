// layer_norm on maps of 512 MiB (f32).
#include "bench/op_timing.h"
#include "tests/ops/layer_norm_cases.h"

void pc::bench::register_all() { add_ops(test::layer_norm_timed()); }
