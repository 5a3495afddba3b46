#include "tools/weights/pickle_reader.h"

#include <fmt/format.h>

#include <bit>

#include "kernels/base/text.h"

namespace pc {

Pickle PickleReader::read() {
  while (!stopped_) {
    start_ = at_;
    op_ = Opcode(take(1)[0]);
    step();
  }
  return std::move(p_);
}

void PickleReader::string(std::size_t bytes) {
  const auto value = take(bytes);
  if (!is_utf8(value)) refuse("with text that is not UTF-8");
  push_new({.kind = Kind::string, .string = value});
}

void PickleReader::long1() {
  const auto bytes = take(uint8_t(take(1)[0]));
  if (bytes.size() > 8) refuse(fmt::format("of {} bytes does not fit 64 bits", bytes.size()));
  uint64_t value = !bytes.empty() && (uint8_t(bytes.back()) & 0x80) ? ~uint64_t(0) : 0;
  for (std::size_t i = bytes.size(); i-- > 0;) value = value << 8 | uint8_t(bytes[i]);
  push_new({.kind = Kind::integer, .integer = int64_t(value)});
}

void PickleReader::binfloat() {
  uint64_t bits = 0;
  for (char c : take(8)) bits = bits << 8 | uint8_t(c);
  push_new({.kind = Kind::real, .real = std::bit_cast<double>(bits)});
}

void PickleReader::proto() {
  const uint8_t version = number<uint8_t>();
  if (start_ != begin_) refuse("in the middle");
  if (version < 2 || version > 3)
    refuse(fmt::format("{}: torch.save writes protocol 2; save the file again without pickle_protocol", version));
}

void PickleReader::stop() {
  p_.top = pop();
  if (!stack_.empty()) refuse(fmt::format("with {} values left over", stack_.size()));
  stopped_ = true;
}

void PickleReader::step() {
  if (start_ == begin_ && op_ != Opcode::proto) refuse("where PROTO should begin the pickle");
  switch (op_) {
    case Opcode::proto:
      return proto();
    case Opcode::stop:
      return stop();
    case Opcode::mark:
      return push(kMark);
    case Opcode::global:
      return global();
    case Opcode::reduce:
      return reduce();
    case Opcode::build:
      return build();
    case Opcode::binpersid:
      return persistent_id();
    case Opcode::none:
      return push_new({});
    case Opcode::newtrue:
      return push_new({.kind = Kind::boolean, .integer = 1});
    case Opcode::newfalse:
      return push_new({.kind = Kind::boolean});
    case Opcode::binint:
      return push_new({.kind = Kind::integer, .integer = number<int32_t>()});
    case Opcode::binint1:
      return push_new({.kind = Kind::integer, .integer = number<uint8_t>()});
    case Opcode::binint2:
      return push_new({.kind = Kind::integer, .integer = number<uint16_t>()});
    case Opcode::long1:
      return long1();
    case Opcode::binfloat:
      return binfloat();
    case Opcode::binunicode:
      return string(number<uint32_t>());
    case Opcode::short_binstring:
      return string(number<uint8_t>());
    case Opcode::empty_tuple:
      return push_tuple({});
    case Opcode::tuple:
      return push_tuple(pop_to_mark());
    case Opcode::tuple1:
      return push_tuple(pop_many(1));
    case Opcode::tuple2:
      return push_tuple(pop_many(2));
    case Opcode::tuple3:
      return push_tuple(pop_many(3));
    case Opcode::empty_list:
      return push_new({.kind = Kind::list});
    case Opcode::append:
      return append(pop_many(1));
    case Opcode::appends:
      return append(pop_to_mark());
    case Opcode::empty_dict:
      return push_new({.kind = Kind::dict});
    case Opcode::setitem:
      return set_items(pop_many(2));
    case Opcode::setitems:
      return set_items(pop_to_mark());
    case Opcode::binput:
      return put(number<uint8_t>());
    case Opcode::long_binput:
      return put(number<uint32_t>());
    case Opcode::binget:
      return get(number<uint8_t>());
    case Opcode::long_binget:
      return get(number<uint32_t>());
  }
  if (op_ >= Opcode(0x8c) && op_ <= Opcode(0x98))
    refuse("belongs to pickle protocol 4; save the file again without pickle_protocol");
  refuse(fmt::format("(0x{:02x}) is not allowed in a weight file", uint8_t(op_)));
}

}  // namespace pc
