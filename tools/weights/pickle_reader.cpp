// Steps through a pickle: bytes, stack, arena and containers, each opcode of the dialect.
#include "tools/weights/pickle_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "kernels/base/text.h"

namespace pc {
namespace {

constexpr std::size_t max_values = 400'000, max_items = 2'000'000, max_depth = 64;

bool is_container(PickleValue::Kind kind) {
  return kind == PickleValue::Kind::tuple || kind == PickleValue::Kind::list || kind == PickleValue::Kind::dict;
}

}  // namespace

Pickle PickleReader::read() {
  while (!stopped_) {
    start_ = at_;
    op_ = Opcode(take(1)[0]);
    step();
  }
  return std::move(p_);
}

void PickleReader::fail_at(Exit code, const std::string& what) const {
  fail(code, fmt::format("{}: byte {}: {}", file_, start_, what));
}

void PickleReader::refuse(const std::string& what) const {
  fail_at(Exit::data, fmt::format("{} {}", name_of(op_), what));
}

std::string_view PickleReader::take(std::size_t count) {
  if (count > text_.size() - at_) fail_at(Exit::data, "the pickle is cut short (truncated?)");
  const auto part = text_.substr(at_, count);
  at_ += count;
  return part;
}

template <class T>
T PickleReader::number() {
  T value;
  std::memcpy(&value, take(sizeof value).data(), sizeof value);
  return value;
}

std::string_view PickleReader::line() {
  const std::size_t end = text_.substr(at_, 256).find('\n');
  if (end == text_.npos) refuse("without the end of a name");
  const auto name = take(end);
  ++at_;
  return name;
}

// ---- stack and arena
PickleIndex PickleReader::make(PickleValue value) {
  if (p_.values.size() == max_values) fail_at(Exit::limit, fmt::format("more than {} values", max_values));
  p_.values.push_back(std::move(value));
  return PickleIndex(p_.values.size() - 1);
}

void PickleReader::push(PickleIndex i) {
  if (stack_.size() == max_values) fail_at(Exit::limit, fmt::format("more than {} values on the stack", max_values));
  stack_.push_back(i);
}

PickleIndex PickleReader::top() const {
  if (stack_.empty() || stack_.back() == mark_index) refuse("finds no value on the stack");
  return stack_.back();
}

PickleIndex PickleReader::pop() {
  const PickleIndex i = top();
  stack_.pop_back();
  return i;
}

std::vector<PickleIndex> PickleReader::pop_many(std::size_t count) {
  std::vector<PickleIndex> items(count);
  for (std::size_t i = count; i-- > 0;) items[i] = pop();
  return items;
}

std::vector<PickleIndex> PickleReader::pop_to_mark() {
  const auto mark = std::find(stack_.rbegin(), stack_.rend(), mark_index);
  if (mark == stack_.rend()) refuse("finds no MARK");
  std::vector<PickleIndex> items(mark.base(), stack_.end());
  stack_.erase(mark.base() - 1, stack_.end());
  return items;
}

// Puts items into a container. They are closed first, so that a container put into itself is refused as well.
void PickleReader::fill(PickleIndex container, const std::vector<PickleIndex>& items) {
  PickleValue& c = p_.values[container];
  for (PickleIndex i : items) {
    PickleValue& item = p_.values[i];
    item.contained = true;
    if (item.depth >= max_depth)
      fail_at(Exit::limit, fmt::format("{} nests deeper than {} levels", name_of(op_), max_depth));
    c.depth = std::max(c.depth, uint8_t(item.depth + 1));
  }
  if (c.contained) refuse("changes a container that lies within another or itself");
  items_ += items.size();
  if (items_ > max_items) fail_at(Exit::limit, fmt::format("more than {} items in all containers", max_items));
  c.items.insert(c.items.end(), items.begin(), items.end());
}

void PickleReader::push_tuple(const std::vector<PickleIndex>& items) {
  const PickleIndex tuple = make({.kind = Kind::tuple});
  fill(tuple, items);
  push(tuple);
}

void PickleReader::append(const std::vector<PickleIndex>& items) {
  if (p_[top()].kind != Kind::list) refuse(fmt::format("on a {}", name_of(p_[top()].kind)));
  fill(top(), items);
}

void PickleReader::set_items(const std::vector<PickleIndex>& items) {
  if (items.size() % 2 != 0) refuse("with a key that has no value");
  if (p_[top()].kind != Kind::dict) refuse(fmt::format("on a {}", name_of(p_[top()].kind)));
  for (std::size_t i = 0; i < items.size(); i += 2)
    if (is_container(p_[items[i]].kind) && p_[items[i]].kind != Kind::tuple)
      refuse("with a key that is no plain value");
  fill(top(), items);
}

void PickleReader::put(uint32_t index) {
  if (index >= max_values) fail_at(Exit::limit, fmt::format("{} to slot {}, over {}", name_of(op_), index, max_values));
  if (index >= memo_.size()) memo_.resize(index + 1, mark_index);
  memo_[index] = top();
}

void PickleReader::get(uint32_t index) {
  if (index >= memo_.size() || memo_[index] == mark_index) refuse(fmt::format("of slot {}, which is empty", index));
  push(memo_[index]);
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
      return push(mark_index);
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

Pickle read_pickle(std::span<const std::byte> bytes, const std::string& file) {
  PickleReader reader(bytes, file, 0, 5);
  Pickle p = reader.read();
  if (reader.end() != bytes.size())
    fail(Exit::data, fmt::format("{}: {} bytes behind STOP", file, bytes.size() - reader.end()));
  return p;
}

Pickle read_stacked_pickle(std::span<const std::byte> bytes, std::size_t& at, const std::string& file) {
  PickleReader reader(bytes, file, at, 6);
  Pickle p = reader.read();
  at = reader.end();
  return p;
}

}  // namespace pc
