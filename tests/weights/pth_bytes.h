// .pth files made byte by byte: pickles as strings, in zip archives or stacked.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "tests/dataset/zip_bytes.h"

namespace pc::test {

inline std::string repeat(const std::string& s, int times) {
  std::string result;
  for (int i = 0; i < times; ++i) result += s;
  return result;
}

// ---- pickle
inline const std::string proto("\x80\x02", 2);
inline std::string text(const std::string& s) { return std::string(1, 'X') + le(uint32_t(s.size())) + s; }
inline std::string number(int32_t value) { return std::string(1, 'J') + le(value); }
inline std::string long1(int64_t value) { return std::string("\x8a\x08") + le(value); }
inline std::string global(const std::string& module, const std::string& name) {
  return std::string(1, 'c') + module + "\n" + name + "\n";
}
inline std::string tuple(const std::string& items) { return std::string(1, '(') + items + "t"; }
inline std::string storage(const std::string& key, const std::string& elements,
                           const std::string& type = "FloatStorage") {
  return tuple(text("storage") + global("torch", type) + text(key) + text("cpu") + elements) + "Q";
}
inline const std::string ordered_dict = global("collections", "OrderedDict") + ")R";
inline std::string tensor(const std::string& storage, const std::string& offset, const std::string& size,
                          const std::string& stride) {
  return global("torch._utils", "_rebuild_tensor_v2") +
         tuple(storage + offset + size + stride + "\x89" + ordered_dict) + "R";
}
// A state dict with one tensor "w".
inline std::string state_dict(const std::string& value) { return proto + "}" + text("w") + value + "s."; }
// The same, of four elements [2, 2], but for what the arguments say otherwise.
struct Parts {
  std::string storage = test::storage("0", number(4)), offset = number(0), size = tuple(number(2) + number(2)),
              stride = tuple(number(2) + number(1));
};
inline std::string with(const Parts& p) { return state_dict(tensor(p.storage, p.offset, p.size, p.stride)); }

// ---- zip
inline std::string zip(const std::vector<ZipEntry>& entries, int count_shift = 0) {
  return zip_of(entries, {.count_shift = count_shift});
}

// ---- the stacked form
inline const std::string stacked_magic = std::string("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.", 15);
inline const std::string stacked_protocol = proto + "M\xe9\x03.";
inline const std::string stacked_system = proto + "}" + text("little_endian") + "\x88s.";
inline std::string stacked_storage(const std::string& key, const std::string& elements, const std::string& view = "N") {
  return tuple(text("storage") + global("torch", "FloatStorage") + text(key) + text("cpu") + elements + view) + "Q";
}
// The parts behind the pickles: the list of keys, and "0" with 1, 2, 3, 4 as f32.
inline const std::string stacked_keys = proto + "]" + text("0") + "a.";
inline const std::string stacked_data = le(int64_t(4)) + le(1.f) + le(2.f) + le(3.f) + le(4.f);
inline std::string stacked(const std::string& pickle, const std::string& keys = stacked_keys,
                           const std::string& data = stacked_data) {
  return stacked_magic + stacked_protocol + stacked_system + pickle + keys + data;
}

// A .pth with this pickle and one storage "0" of 16 bytes: 1, 2, 3, 4 as f32.
inline std::string pth(const std::string& pickle) {
  const std::string storage = le(1.f) + le(2.f) + le(3.f) + le(4.f);
  return zip({{"a/data.pkl", pickle}, {"a/data/0", storage}, {"a/version", "3\n"}});
}

}  // namespace pc::test
