// Fills graph_cpu: calls are executed before they return, so there is nothing to record.
#include "kernels/runtime/graph.h"

namespace pc {

const DeviceGraph graph_cpu{.records = false};

}  // namespace pc
