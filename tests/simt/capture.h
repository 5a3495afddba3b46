// The stand-in's stream: work is done at once, or recorded while a CUDA graph is captured and done when the graph is
// launched.
#pragma once

#include <functional>

namespace pc::simt {

// Does `work`, or keeps it: it must hold all that it needs.
void submit(std::function<void()> work);

// Throws where a graph is being captured: `what` is not allowed then.
void refuse_in_capture(const char* what);

}  // namespace pc::simt
