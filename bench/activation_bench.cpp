// activation on maps of 512 MiB (f32).
#include "bench/op_timing.h"
#include "tests/ops/activation_cases.h"

void pc::bench::register_all() { add_ops(test::activation_timed()); }
