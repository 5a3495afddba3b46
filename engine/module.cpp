#include "engine/module.h"

namespace pc {

std::string join(const std::string& prefix, const std::string& name) {
  return prefix.empty() ? name : prefix + "." + name;
}

void move_to(Module& module, Device device) {
  module.visit("", [&](const std::string&, Var& value, Role) { value.set_value(value.value().to(device)); });
}

int64_t count_parameters(Module& module) {
  int64_t count = 0;
  module.visit("", [&](const std::string&, Var& value, Role role) {
    count += role == Role::parameter ? value.value().size() : 0;
  });
  return count;
}

void freeze(Module& module, const std::vector<std::string>& prefixes) {
  module.visit("", [&](const std::string& name, Var& value, Role role) {
    if (role != Role::parameter) return;
    for (const std::string& prefix : prefixes)
      if (name.starts_with(prefix)) value.set_requires_grad(false);
  });
}

}  // namespace pc
