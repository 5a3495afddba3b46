// dropout and drop_path on maps of 512 MiB (f32).
#include "bench/op_timing.h"
#include "tests/ops/dropout_cases.h"

void pc::bench::register_all() { add_ops(test::dropout_timed()); }
