// A running average of a model's weights, which generalizes better than the final weights (Polyak & Juditsky, 1992;
// "EMA").
#pragma once

#include "engine/module.h"

namespace pc {

// Copies every member of `from`, including running statistics, to `to`, a module with the same members.
void copy_members(Module& from, Module& to);

// to += share * (from - to), member by member. Both on one device.
void average_members(Module& from, Module& to, float share);

}  // namespace pc
