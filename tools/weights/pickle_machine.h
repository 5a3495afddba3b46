// What the opcodes of a pickle work on: its bytes, the stack, the memo, and the arena of values with its containers.
//
// Three classes, each the base of the next: PickleMachine, PickleCalls (the names that a pickle may call) and
// PickleReader (the opcodes).
#pragma once

#include <cstring>
#include <limits>

#include "kernels/base/error.h"
#include "tools/weights/opcodes.h"
#include "tools/weights/pickle.h"

namespace pc {

class PickleMachine {
 public:
  std::size_t end() const { return at_; }  // the byte behind the last opcode

 protected:
  using Kind = PickleValue::Kind;
  static constexpr PickleIndex kMark = std::numeric_limits<PickleIndex>::max();

  PickleMachine(std::span<const std::byte> bytes, const std::string& file, std::size_t begin)
      : text_(reinterpret_cast<const char*>(bytes.data()), bytes.size()), file_(file), begin_(begin), at_(begin) {}

  // ---- messages and bytes
  [[noreturn]] void fail_at(Exit code, const std::string& what) const;
  [[noreturn]] void refuse(const std::string& what) const;  // begins with the opcode's name
  std::string_view take(std::size_t count);
  template <class T>
  T number() {
    T value;
    std::memcpy(&value, take(sizeof value).data(), sizeof value);
    return value;
  }
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

  std::string_view text_;
  const std::string& file_;
  std::size_t begin_, at_, start_ = 0;  // the pickle's first byte; the next byte; the opcode's
  std::size_t items_ = 0;               // in all containers
  Opcode op_ = Opcode::stop;
  Pickle p_;
  std::vector<PickleIndex> stack_, memo_;
};

}  // namespace pc
