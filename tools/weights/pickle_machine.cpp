#include "tools/weights/pickle_machine.h"

#include <fmt/format.h>

#include <algorithm>

namespace pc {
namespace {

constexpr std::size_t kMaxValues = 400'000, kMaxItems = 2'000'000, kMaxDepth = 64;

bool is_container(PickleValue::Kind kind) {
  return kind == PickleValue::Kind::tuple || kind == PickleValue::Kind::list || kind == PickleValue::Kind::dict;
}

}  // namespace

void PickleMachine::fail_at(Exit code, const std::string& what) const {
  fail(code, fmt::format("{}: byte {}: {}", file_, start_, what));
}

void PickleMachine::refuse(const std::string& what) const {
  fail_at(Exit::data, fmt::format("{} {}", name_of(op_), what));
}

std::string_view PickleMachine::take(std::size_t count) {
  if (count > text_.size() - at_) fail_at(Exit::data, "the pickle is cut short (truncated?)");
  const auto part = text_.substr(at_, count);
  at_ += count;
  return part;
}

std::string_view PickleMachine::line() {
  const std::size_t end = text_.substr(at_, 256).find('\n');
  if (end == text_.npos) refuse("without the end of a name");
  const auto name = take(end);
  ++at_;
  return name;
}

// ---- stack and arena
PickleIndex PickleMachine::make(PickleValue value) {
  if (p_.values.size() == kMaxValues) fail_at(Exit::limit, fmt::format("more than {} values", kMaxValues));
  p_.values.push_back(std::move(value));
  return PickleIndex(p_.values.size() - 1);
}

void PickleMachine::push(PickleIndex i) {
  if (stack_.size() == kMaxValues) fail_at(Exit::limit, fmt::format("more than {} values on the stack", kMaxValues));
  stack_.push_back(i);
}

PickleIndex PickleMachine::top() const {
  if (stack_.empty() || stack_.back() == kMark) refuse("finds no value on the stack");
  return stack_.back();
}

PickleIndex PickleMachine::pop() {
  const PickleIndex i = top();
  stack_.pop_back();
  return i;
}

std::vector<PickleIndex> PickleMachine::pop_many(std::size_t count) {
  std::vector<PickleIndex> items(count);
  for (std::size_t i = count; i-- > 0;) items[i] = pop();
  return items;
}

std::vector<PickleIndex> PickleMachine::pop_to_mark() {
  const auto mark = std::find(stack_.rbegin(), stack_.rend(), kMark);
  if (mark == stack_.rend()) refuse("finds no MARK");
  std::vector<PickleIndex> items(mark.base(), stack_.end());
  stack_.erase(mark.base() - 1, stack_.end());
  return items;
}

// Puts items into a container. They are closed first, so that a container put into itself is refused as well.
void PickleMachine::fill(PickleIndex container, const std::vector<PickleIndex>& items) {
  PickleValue& c = p_.values[container];
  for (PickleIndex i : items) {
    PickleValue& item = p_.values[i];
    item.contained = true;
    if (item.depth >= kMaxDepth)
      fail_at(Exit::limit, fmt::format("{} nests deeper than {} levels", name_of(op_), kMaxDepth));
    c.depth = std::max(c.depth, uint8_t(item.depth + 1));
  }
  if (c.contained) refuse("changes a container that lies within another or itself");
  items_ += items.size();
  if (items_ > kMaxItems) fail_at(Exit::limit, fmt::format("more than {} items in all containers", kMaxItems));
  c.items.insert(c.items.end(), items.begin(), items.end());
}

void PickleMachine::push_tuple(const std::vector<PickleIndex>& items) {
  const PickleIndex tuple = make({.kind = Kind::tuple});
  fill(tuple, items);
  push(tuple);
}

void PickleMachine::append(const std::vector<PickleIndex>& items) {
  if (p_[top()].kind != Kind::list) refuse(fmt::format("on a {}", name_of(p_[top()].kind)));
  fill(top(), items);
}

void PickleMachine::set_items(const std::vector<PickleIndex>& items) {
  if (items.size() % 2 != 0) refuse("with a key that has no value");
  if (p_[top()].kind != Kind::dict) refuse(fmt::format("on a {}", name_of(p_[top()].kind)));
  for (std::size_t i = 0; i < items.size(); i += 2)
    if (is_container(p_[items[i]].kind) && p_[items[i]].kind != Kind::tuple)
      refuse("with a key that is no plain value");
  fill(top(), items);
}

void PickleMachine::put(uint32_t index) {
  if (index >= kMaxValues) fail_at(Exit::limit, fmt::format("{} to slot {}, over {}", name_of(op_), index, kMaxValues));
  if (index >= memo_.size()) memo_.resize(index + 1, kMark);
  memo_[index] = top();
}

void PickleMachine::get(uint32_t index) {
  if (index >= memo_.size() || memo_[index] == kMark) refuse(fmt::format("of slot {}, which is empty", index));
  push(memo_[index]);
}

}  // namespace pc
