// State dicts: a Module's members to and from a weight file, with filters converted between PyTorch's OIHW and our
// KRSC.
#pragma once

#include <string>
#include <vector>

#include "engine/module.h"
#include "engine/safetensors.h"

namespace pc {

// f32 [o, i, h, w] <-> [k, r, s, c], on the CPU.
Tensor oihw_to_krsc(const Tensor& oihw);
Tensor krsc_to_oihw(const Tensor& krsc);

// Every member in visit order, filters as OIHW, on the CPU: as PyTorch's state_dict().
std::vector<FileTensor> state_dict(Module& module);

struct LoadReport {
  std::vector<std::string> missing, unexpected, misshaped;  // names; misshaped with both shapes
  int64_t loaded = 0;
  bool complete() const { return missing.empty() && unexpected.empty() && misshaped.empty(); }
};
// Loads every member whose name and shape match and reports the rest. num_batches_tracked is ignored. Members keep
// their device.
LoadReport load_state_dict(Module& module, const WeightFile& file);

// Writes state_dict() as a safetensors file. Errors: as write_safetensors; Error(numeric) naming the first member with a
// value that is not finite, before anything is written: an older file stays.
void save_state(const std::filesystem::path& path, Module& module, const std::map<std::string, std::string>& metadata);

// "FILE: 3 missing (a, b, c), 1 misshaped (fc.weight [1000, 512] into [7, 512])": the first five of each kind.
std::string describe(const LoadReport& report);

// Throws Error(data) with describe() unless all names and shapes match.
void load_strict(Module& module, const WeightFile& file, const std::string& path);

}  // namespace pc
