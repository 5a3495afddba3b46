#include "kernels/base/error.h"

namespace pc {

void fail(Exit code, const std::string& message) { throw Error(code, message); }
void fail_shape(const std::string& message) { throw std::logic_error(message); }

}  // namespace pc
