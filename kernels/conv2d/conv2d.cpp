#include "kernels/conv2d/conv2d.h"

namespace pc {

// Not in the header: so its virtual table lies here, in code for every machine, and in no file with vector flags.
PackedFilter::~PackedFilter() = default;

}  // namespace pc
