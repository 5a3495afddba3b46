// How requests are answered that may fail: what is thrown becomes a response, and is logged where it is not the
// client's fault.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "kernels/base/logger.h"
#include "tools/serve/predictions.h"
#include "tools/serve/service.h"

namespace pc {

inline constexpr Logger kLog("pcserve");

// Responds with an error where `call` throws.
void guarded_call(const Respond& respond, const std::function<void()>& call);

// A sink that responds with what `compose` makes of the answers, or with what it throws.
AnsweredSink answering(Respond respond, std::function<Response(std::vector<Answered>&)> compose);

}  // namespace pc
