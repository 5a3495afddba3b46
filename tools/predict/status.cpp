#include "tools/predict/status.h"

namespace pc::predict {

const char* status_of(Exit code) {
  switch (code) {
    case Exit::ok:
      return "ok";
    case Exit::file:
      return "file";
    case Exit::limit:
      return "limit";
    default:
      return "bad picture";
  }
}

}  // namespace pc::predict
