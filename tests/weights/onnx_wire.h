// A reader of protocol buffers' wire format (https://protobuf.dev/programming-guides/encoding), for the tests alone: it shares
// nothing with the writer in tools/weights. It throws std::runtime_error for what is not such a message.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace pc::test {

// A message of protocol buffers: its fields by number, in file order.
struct WireMessage {
  struct Field {
    uint64_t number = 0;     // varint, or the bits of four or eight bytes
    std::string_view bytes;  // of a length-delimited one
    bool delimited = false;
  };
  std::map<uint64_t, std::vector<Field>> fields;
  explicit WireMessage(std::string_view bytes);
  std::vector<std::string_view> all(uint64_t field) const;
  std::string_view view(uint64_t field) const;  // empty if absent
  std::string text(uint64_t field) const { return std::string(view(field)); }
  int64_t integer(uint64_t field, int64_t absent = 0) const;
  std::vector<int64_t> integers(uint64_t field) const;  // packed or not
};

}  // namespace pc::test
