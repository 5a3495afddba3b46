// What every reader of weights promises of the file it lets through.
#pragma once

#include <set>
#include <string>

#include "engine/safetensors.h"
#include "kernels/base/error.h"
#include "kernels/base/text.h"
#include "tests/fuzz/target.h"

namespace pc::fuzz {

inline void check_weights(const WeightFile& file) {
  std::set<std::string> names;
  for (const FileTensor& t : file.tensors) {
    expect(names.insert(t.name).second, "each name once");
    expect(is_utf8(t.name), "names are UTF-8");
    int64_t count = 0;
    expect(checked_element_count(t.shape, count) && count == t.size(), "the shape's product fits");
    touch({t.data, t.bytes()});
    try {
      const Tensor tensor = t.tensor();
      expect(tensor.size() == t.size(), "the tensor has the shape of the file");
    } catch (const Error&) {
      // I8, BOOL …, and I64 beyond i32
    }
  }
}

}  // namespace pc::fuzz
