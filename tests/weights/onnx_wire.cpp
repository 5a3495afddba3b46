#include "tests/weights/onnx_wire.h"

#include <cstring>
#include <stdexcept>

namespace pc::test {
namespace {

uint64_t varint(std::string_view& rest) {
  uint64_t value = 0;
  for (int shift = 0; shift < 70; shift += 7) {
    if (rest.empty()) throw std::runtime_error("a varint ends early");
    const auto byte = uint8_t(rest.front());
    rest.remove_prefix(1);
    value |= uint64_t(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  throw std::runtime_error("a varint of more than ten bytes");
}

std::string_view take(std::string_view& rest, uint64_t count) {
  if (count > rest.size()) throw std::runtime_error("a field ends early");
  const std::string_view taken = rest.substr(0, count);
  rest.remove_prefix(count);
  return taken;
}

}  // namespace

WireMessage::WireMessage(std::string_view rest) {
  while (!rest.empty()) {
    const uint64_t tag = varint(rest), wire = tag & 7;
    Field field;
    if (wire == 0) {
      field.number = varint(rest);
    } else if (wire == 1 || wire == 5) {
      const std::string_view raw = take(rest, wire == 1 ? 8 : 4);
      std::memcpy(&field.number, raw.data(), raw.size());
    } else if (wire == 2) {
      field.bytes = take(rest, varint(rest));
      field.delimited = true;
    } else {
      throw std::runtime_error("wire type " + std::to_string(wire));
    }
    fields[tag >> 3].push_back(field);
  }
}

std::vector<std::string_view> WireMessage::all(uint64_t field) const {
  std::vector<std::string_view> list;
  const auto found = fields.find(field);
  if (found == fields.end()) return list;
  for (const Field& f : found->second) {
    if (!f.delimited) throw std::runtime_error("field " + std::to_string(field) + " is a number");
    list.push_back(f.bytes);
  }
  return list;
}

std::string_view WireMessage::view(uint64_t field) const {
  const auto list = all(field);
  return list.empty() ? "" : list.back();
}

std::vector<int64_t> WireMessage::integers(uint64_t field) const {
  std::vector<int64_t> list;
  const auto found = fields.find(field);
  if (found == fields.end()) return list;
  for (const Field& f : found->second) {
    if (!f.delimited) list.push_back(int64_t(f.number));
    for (std::string_view rest = f.bytes; !rest.empty();) list.push_back(int64_t(varint(rest)));
  }
  return list;
}

int64_t WireMessage::integer(uint64_t field, int64_t absent) const {
  const auto list = integers(field);
  return list.empty() ? absent : list.back();
}

}  // namespace pc::test
