// A field is a tag (its number and kind) and a value: a varint, four or eight bytes, or a length and so many bytes.
#include "tools/weights/protobuf.h"

#include <bit>
#include <iterator>

#include "kernels/base/bytes.h"

namespace pc {
namespace {

enum Kind : uint64_t { varint_kind = 0, eight_bytes_kind = 1, length_kind = 2, four_bytes_kind = 5 };
constexpr uint64_t tag(int field, Kind kind) { return uint64_t(field) << 3 | kind; }

}  // namespace

std::string& ProtobufMessage::own() {
  if (pieces_.empty() || pieces_.back().borrowed) pieces_.emplace_back();
  return pieces_.back().own;
}

// Seven bits a byte, the lowest first; a set top bit says that more follow.
void ProtobufMessage::varint(uint64_t value) {
  std::string& out = own();
  const std::size_t before = out.size();
  for (; value >= 0x80; value >>= 7) out += char(value | 0x80);
  out += char(value);
  size_ += out.size() - before;
}

void ProtobufMessage::prefix(int field, std::size_t bytes) {
  varint(tag(field, length_kind));
  varint(bytes);
}

void ProtobufMessage::add(std::string_view value) {
  own() += value;
  size_ += value.size();
}

ProtobufMessage& ProtobufMessage::number(int field, int64_t value) {
  varint(tag(field, varint_kind));
  varint(uint64_t(value));
  return *this;
}

ProtobufMessage& ProtobufMessage::f32(int field, float value) {
  varint(tag(field, four_bytes_kind));
  add(little_endian(std::bit_cast<uint32_t>(value)));
  return *this;
}

ProtobufMessage& ProtobufMessage::f64(int field, double value) {
  varint(tag(field, eight_bytes_kind));
  add(little_endian(std::bit_cast<uint64_t>(value)));
  return *this;
}

ProtobufMessage& ProtobufMessage::text(int field, std::string_view value) {
  prefix(field, value.size());
  add(value);
  return *this;
}

ProtobufMessage& ProtobufMessage::bytes(int field, const Tensor& values) {
  prefix(field, values.bytes());
  pieces_.push_back({.own = {}, .borrowed = values});
  size_ += values.bytes();
  return *this;
}

ProtobufMessage& ProtobufMessage::message(int field, ProtobufMessage value) {
  prefix(field, value.size_);
  pieces_.insert(pieces_.end(), std::make_move_iterator(value.pieces_.begin()),
                 std::make_move_iterator(value.pieces_.end()));
  size_ += value.size_;
  return *this;
}

void ProtobufMessage::write(const FileSink& sink) const {
  for (const Piece& piece : pieces_)
    piece.borrowed ? sink(piece.borrowed.data(), piece.borrowed.bytes()) : sink(piece.own.data(), piece.own.size());
}

std::string ProtobufMessage::serialized() const {
  std::string bytes;
  write([&](const void* data, std::size_t n) { bytes.append(static_cast<const char*>(data), n); });
  return bytes;
}

}  // namespace pc
