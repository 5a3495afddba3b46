// Roofline: the limits of this machine, measured in the process that times the kernels (Williams, Waterman &
// Patterson, "Roofline", CACM 2009). No kernel can be faster than max(flops / flop rate, bytes / copy rate).
#pragma once

#include "kernels/runtime/dtype.h"

namespace pc::bench {

struct Roofline {
  double copy = 0;  // bytes per second, read plus written, of the fastest copy between buffers larger than any cache
  double f32 = 0;   // flops per second (a multiply-add counts two) with operands in registers, all threads
  double low = 0;   // the same for the 16-bit type; f32's if the CPU has no bf16 instructions
  double flops(DType dtype) const { return dtype == DType::f32 ? f32 : low; }
};

// Taken from the file $PC_ROOFLINE (the output of bench_ceilings) if it has the device; else measured at the first call (about half a second
// on a CPU, some seconds on a GPU).
const Roofline& roofline(Device device);

// Bytes per second of a copy between buffers that stay in the device's last cache (2 MiB each on a CPU, 8 MiB on a
// GPU).
double cached_copy(Device device);

}  // namespace pc::bench
