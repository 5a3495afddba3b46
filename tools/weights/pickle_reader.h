// Steps through a pickle: each opcode of the dialect.
#pragma once

#include "tools/weights/pickle_calls.h"

namespace pc {

class PickleReader : public PickleCalls {
 public:
  // Reads from byte `begin` on; `id_items` is the length of the tuples that name storages.
  PickleReader(std::span<const std::byte> bytes, const std::string& file, std::size_t begin, std::size_t id_items)
      : PickleCalls(bytes, file, begin, id_items) {}
  Pickle read();  // up to STOP, behind which end() lies

 private:
  void step();
  void proto();
  void stop();
  void string(std::size_t bytes);
  void long1();
  void binfloat();

  bool stopped_ = false;
};

}  // namespace pc
