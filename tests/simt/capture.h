// The simulated stream: work is executed immediately, or, while a CUDA graph is captured, recorded and executed when
// the graph is launched.
#pragma once

#include <functional>

namespace pc::simt {

// Executes or records `work`, which must own everything that it needs.
void submit(std::function<void()> work);

// Throws if a graph is being captured, when `what` is not allowed.
void refuse_in_capture(const char* what);

}  // namespace pc::simt
