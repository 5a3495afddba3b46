// A running average of a model's weights, which generalises better than the last ones (Polyak & Juditsky, 1992; "EMA").
#pragma once

#include "engine/module.h"

namespace pc {

// Gives every member of `to`, statistics included, the value it has in `from`, a module of the same members.
void copy_members(Module& from, Module& to);

// to += share * (from - to), member by member. Both on one device.
void average_members(Module& from, Module& to, float share);

}  // namespace pc
