// Module: a part of a network with named members. State dict, load, freeze, move, count, optimizer groups and
// checkpoints are all built on visit().
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "engine/var.h"

namespace pc {

enum class Mode {
  train,  // batch statistics, records for backward()
  eval,   // running statistics
  infer   // running statistics folded into the filters, nothing recorded: the fast path of prediction and evaluation
};

// The role of a member: buffers (running statistics) are saved, but not trained.
enum class Role { parameter, buffer };

// The name is torchvision's: "layer1.0.conv1.weight".
using Visitor = std::function<void(const std::string& name, Var& value, Role role)>;

class Module {
 public:
  virtual ~Module() = default;
  // Calls visitor once for every member, in a fixed order. A visitor may change members, so visit() drops everything
  // that was folded from them.
  virtual void visit(const std::string& prefix, const Visitor& visitor) = 0;
};

// "layer1" + "0" -> "layer1.0"; an empty prefix adds nothing.
std::string join(const std::string& prefix, const std::string& name);

void move_to(Module& module, Device device);
int64_t count_parameters(Module& module);
// Parameters whose name begins with one of the prefixes no longer require a gradient; "" means all of them.
void freeze(Module& module, const std::vector<std::string>& prefixes);

}  // namespace pc
