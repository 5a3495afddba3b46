// The names that a pickle of torch.save may use, and what calling them makes: tensors, parameters, ordered dicts.
#pragma once

#include <map>

#include "tools/weights/pickle_machine.h"

namespace pc {

class PickleCalls : public PickleMachine {
 protected:
  // `id_items` is the length of the tuples that name storages.
  PickleCalls(std::span<const std::byte> bytes, const std::string& file, std::size_t begin, std::size_t id_items)
      : PickleMachine(bytes, file, begin), id_items_(id_items) {}

  // One opcode each.
  void global();
  void reduce();
  void build();
  void persistent_id();

 private:
  void reduce_ordered_dict(const std::vector<PickleIndex>& args);
  PickleValue make_tensor(const std::vector<PickleIndex>& args);
  void expect(PickleIndex i, Kind kind, const char* what) const;
  int64_t integer(PickleIndex i, const char* what) const;  // not negative
  Shape integers(PickleIndex i, const char* what) const;

  std::size_t id_items_;
  std::map<std::string_view, std::size_t> storage_index_;
};

}  // namespace pc
