// The machine behind read_pickle(): pickle_reader.cpp steps through the opcodes, pickle_calls.cpp knows the few names
// that a pickle may call and what they make.
#pragma once

#include <limits>
#include <map>

#include "kernels/base/error.h"
#include "tools/weights/opcodes.h"
#include "tools/weights/pickle.h"

namespace pc {

class PickleReader {
 public:
  // Reads from byte `begin` on; `id_items` is the length of the tuples that name storages.
  PickleReader(std::span<const std::byte> bytes, const std::string& file, std::size_t begin, std::size_t id_items)
      : text_(reinterpret_cast<const char*>(bytes.data()), bytes.size()),
        file_(file),
        begin_(begin),
        at_(begin),
        id_items_(id_items) {}
  Pickle read();
  std::size_t end() const { return at_; }  // the byte behind STOP

 private:
  using Kind = PickleValue::Kind;
  static constexpr PickleIndex mark_index = std::numeric_limits<PickleIndex>::max();

  // ---- messages and bytes
  [[noreturn]] void fail_at(Exit code, const std::string& what) const;
  [[noreturn]] void refuse(const std::string& what) const;  // begins with the opcode's name
  std::string_view take(std::size_t count);
  template <class T>
  T number();
  std::string_view line();

  // ---- stack and arena
  PickleIndex make(PickleValue value);
  void push(PickleIndex i);
  void push_new(PickleValue value) { push(make(std::move(value))); }
  PickleIndex top() const;
  PickleIndex pop();
  std::vector<PickleIndex> pop_many(std::size_t count);
  std::vector<PickleIndex> pop_to_mark();
  void put(uint32_t index);
  void get(uint32_t index);

  // ---- containers
  void fill(PickleIndex container, const std::vector<PickleIndex>& items);
  void push_tuple(const std::vector<PickleIndex>& items);
  void append(const std::vector<PickleIndex>& items);
  void set_items(const std::vector<PickleIndex>& items);

  // ---- opcodes
  void step();
  void proto();
  void stop();
  void string(std::size_t bytes);
  void long1();
  void binfloat();

  // ---- names and calls
  void global();
  void reduce();
  void reduce_ordered_dict(const std::vector<PickleIndex>& args);
  void build();
  void persistent_id();
  PickleValue make_tensor(const std::vector<PickleIndex>& args);
  void expect(PickleIndex i, Kind kind, const char* what) const;
  int64_t integer(PickleIndex i, const char* what) const;  // not negative
  Shape integers(PickleIndex i, const char* what) const;

  std::string_view text_;
  const std::string& file_;
  std::size_t begin_, at_, start_ = 0;  // the pickle's first byte; the next byte; the opcode's
  std::size_t id_items_;
  std::size_t items_ = 0;  // in all containers
  Opcode op_ = Opcode::stop;
  bool stopped_ = false;
  Pickle p_;
  std::vector<PickleIndex> stack_, memo_;
  std::map<std::string_view, std::size_t> storage_index_;
};

}  // namespace pc
