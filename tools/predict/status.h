// The word for what became of an image, in rows and answers.
#pragma once

#include "kernels/base/error.h"

namespace pc::predict {

// "ok", or what kind of failure an exit code means: "bad picture", "file", "limit".
const char* status_of(Exit code);

}  // namespace pc::predict
