#include "tools/report/finished_run.h"

#include <algorithm>

namespace pc {

using nlohmann::json;

const json& RunMaterial::event(const std::string& kind) const {
  static const json none;
  const auto found =
      std::find_if(events.rbegin(), events.rend(), [&](const json& event) { return event["event"] == kind; });
  return found == events.rend() ? none : *found;
}

}  // namespace pc
