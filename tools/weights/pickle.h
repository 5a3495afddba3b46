// The pickles that torch.save writes for state dicts, read as a closed dialect: 32 opcodes, a dozen names, nothing is
// ever executed.
//
// PyTorch's own "weights_only" reader is a pickle machine with a list of allowed functions, and was broken twice by
// missing checks of types and sizes (CVE-2025-32434, CVE-2026-24747). Here values are indices into an arena, so nothing
// recurses and nothing can form a cycle: a container that already lies within another one cannot change any more.
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/file_type.h"
#include "engine/tensor.h"

namespace pc::weights {

using PickleIndex = uint32_t;

// A storage of the file: the record data/KEY, or the stacked form's part KEY, holds its elements.
struct PickledStorage {
  std::string_view key;
  FileType type = FileType::f32;
  int64_t elements = 0;
};

// A view of a storage: element i, j, … lies at offset + i * strides[0] + j * strides[1] + …; checked to lie within the
// storage.
struct PickledTensor {
  std::size_t storage = 0;
  int64_t offset = 0;
  Shape shape, strides;
  bool contiguous() const;
};

struct PickleValue {
  enum class Kind : uint8_t {
    none,
    boolean,
    integer,
    real,
    string,
    tuple,
    list,
    dict,
    storage,
    tensor,
    storage_type,
    function
  };
  Kind kind = Kind::none;
  bool ordered = false;    // dict: an OrderedDict
  bool contained = false;  // lies within another value and cannot change any more
  uint8_t depth = 0;       // of nesting: 0 for a leaf
  // boolean, integer: the value; storage, tensor: index into the Pickle's list; storage_type: a FileType; function: which.
  int64_t integer = 0;
  double real = 0;
  std::string_view string;         // within the pickle's bytes, UTF-8
  std::vector<PickleIndex> items;  // tuple, list; dict: key, value, key, value, …
};
const char* name_of(PickleValue::Kind);  // Python's name: "str", "dict", …
const char* storage_name(FileType);      // PyTorch's name of a storage: "FloatStorage", …

struct Pickle {
  std::deque<PickleValue> values;
  std::vector<PickledStorage> storages;  // each key once
  std::vector<PickledTensor> tensors;
  PickleIndex top = 0;
  const PickleValue& operator[](PickleIndex i) const { return values[i]; }
  // The value of a string key in a dict, nullptr where there is none; the last of several, as Python has it.
  const PickleValue* find(const PickleValue& dict, std::string_view key) const;
};

// The zip form's pickle, which fills `bytes`; the result points into them. Everything else is refused with Error(data):
// "FILE: byte 17: GLOBAL os.system is not allowed …"; Error(limit) over 400,000 values, 100,000 tensors or 64 levels.
// `file` stands for the pickle in messages.
Pickle read_pickle(std::span<const std::byte> bytes, const std::string& file);

// One of the stacked form's pickles, which begins at byte `at`; moves `at` behind it.
Pickle read_stacked_pickle(std::span<const std::byte> bytes, std::size_t& at, const std::string& file);

}  // namespace pc::weights
