// From a pickle and the bytes of its storages to named tensors, the same for both forms of torch.save.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/safetensors.h"
#include "tools/weights/pickle.h"

namespace pc::weights {

// What a file holds for the storages of its pickle.
struct StorageBytes {
  std::vector<std::span<const std::byte>> storages;  // in the pickle's order; each as long as it declares
  std::shared_ptr<const void> owner;                 // keeps them alive
  std::size_t file_bytes = 0;
  bool big_endian = false;
};

// The bytes of a storage as its pickle declares it. Error(data) where they overflow.
std::size_t byte_count(const PickledStorage& storage, const std::string& file);

// Contiguous tensors borrow their storage; views with other strides and big-endian numbers are copied. find_state_dict.h
// says which dict is taken; Parameters are taken as their data, all else is left. Errors: Error(data) naming the tensor;
// Error(limit) where the tensors together, shared and expanded storages written out, exceed four times the file and
// 64 MB, or the copies the file and 32 MB.
WeightFile pickled_tensors(const Pickle& pickle, const StorageBytes& storages, const std::string& file);

}  // namespace pc::weights
