// Fills norm_conv_cpu: not supported; the CPU runs batch_norm and conv2d in sequence.
#include "kernels/norm_conv/norm_conv.h"

namespace pc {

const NormConvKernels norm_conv_cpu{.takes = [](const Conv2dShape&, DType) { return false; }};

}  // namespace pc
