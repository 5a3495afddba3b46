// Which label columns are levels of one tree, found in the labels of the training pictures.
#pragma once

#include <span>

#include "data/catalog.h"
#include "models/hierarchy.h"

namespace pc {

// A column determines another one of fewer classes where the most frequent coarser label of each finer one is that of
// 98 % of the pictures, and a column that is nearly constant does not count: nine tenths of the pictures outside its
// largest class must be told by that. The finer label "Other" is left out there, since it stands for rare classes of
// any kind. Each column is linked to the column of most classes that it determines. Wrong labels must not make a
// combination possible: it counts where it holds 2 % of the pictures of its finer or of its coarser label. Only pairs
// of linked columns are learned, not whole combinations.
Hierarchy learn_hierarchy(const Catalog& catalog, std::span<const uint32_t> items);

}  // namespace pc
