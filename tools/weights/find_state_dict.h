// Which of a pickle's dicts are the weights: training scripts save them under many names.
#pragma once

#include <string>

#include "tools/weights/pickle.h"

namespace pc::weights {

struct FoundStateDict {
  const PickleValue* dict;
  std::string note;  // for people: where it was found and what else was there; empty for the pickled dict itself
};

// A candidate is the pickled dict itself, or one within it (below string keys, four levels deep), that holds tensors. Of
// those with at least half as many numbers as the largest, the first name in this order wins: the averaged weights
// (state_dict_ema, model_ema, ema_state_dict, …), then state_dict, model_state_dict, model, net, module, …, then any
// other name; of equals the one with more numbers, then the first. Error(data) where there is no candidate.
FoundStateDict find_state_dict(const Pickle& pickle, const std::string& file);

}  // namespace pc::weights
