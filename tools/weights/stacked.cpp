// The stacked form of torch.save, written until PyTorch 1.5 and on request since: four pickles (magic number, protocol
// number, facts of the system, the value), a pickled list of storage keys, and behind it for each key its number of
// elements and its bytes.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <unordered_map>

#include "kernels/base/error.h"
#include "kernels/base/file.h"
#include "kernels/base/text.h"
#include "tools/weights/pickled_tensors.h"
#include "tools/weights/pth.h"

namespace pc {
namespace {

using Kind = PickleValue::Kind;

std::vector<std::string_view> read_keys(std::span<const std::byte> bytes, std::size_t& at, const std::string& file) {
  const std::size_t begin = at;
  const Pickle p = read_stacked_pickle(bytes, at, file);
  std::vector<std::string_view> keys;
  if (p[p.top].kind != Kind::list)
    fail(Exit::data,
         fmt::format("{}: byte {}: a {} where the list of storages should be", file, begin, name_of(p[p.top].kind)));
  for (PickleIndex i : p[p.top].items) {
    if (p[i].kind != Kind::string)
      fail(Exit::data, fmt::format("{}: byte {}: a {} as the key of a storage", file, begin, name_of(p[i].kind)));
    keys.push_back(p[i].string);
  }
  return keys;
}

// The place of each key's storage in the pickle's list: each of them once.
std::vector<std::size_t> match(const std::vector<std::string_view>& keys, const Pickle& p, const std::string& file) {
  std::unordered_map<std::string_view, std::size_t> left;
  for (std::size_t i = 0; i < p.storages.size(); ++i) left.emplace(p.storages[i].key, i);
  std::vector<std::size_t> order;
  for (std::string_view key : keys) {
    const auto found = left.find(key);
    if (found == left.end())
      fail(Exit::data, fmt::format("{}: storage \"{}\" is listed twice or belongs to no tensor", file, printable(key)));
    order.push_back(found->second);
    left.erase(found);
  }
  if (!left.empty())
    fail(Exit::data, fmt::format("{}: storage {} is not among the {} listed", file, left.begin()->first, keys.size()));
  return order;
}

// The storages must fill the file from byte `at` to its end.
void check_size(const Pickle& p, std::size_t at, std::size_t file_bytes, const std::string& file) {
  std::size_t expected = at;
  for (const PickledStorage& s : p.storages)
    if (__builtin_add_overflow(expected, byte_count(s, file), &expected) ||
        __builtin_add_overflow(expected, sizeof(int64_t), &expected))
      fail(Exit::data, file + ": the storages together are larger than any file");
  if (file_bytes < expected) fail(Exit::data, truncated(file, file_bytes, expected));
  if (file_bytes > expected)
    fail(Exit::data, fmt::format("{}: {} bytes behind the last storage", file, file_bytes - expected));
}

}  // namespace

bool is_stacked(std::span<const std::byte> bytes) {
  constexpr unsigned char magic[] = {0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, '.'};
  return bytes.size() >= 2 + sizeof magic && bytes[0] == std::byte(0x80) &&
         (bytes[1] == std::byte(2) || bytes[1] == std::byte(3)) &&
         std::memcmp(bytes.data() + 2, magic, sizeof magic) == 0;
}

WeightFile parse_stacked(std::span<const std::byte> bytes, std::shared_ptr<const void> owner, const std::string& file) {
  std::size_t at = 15;  // behind the magic number, whose 80 bits the dialect does not know
  const Pickle protocol = read_stacked_pickle(bytes, at, file);
  if (protocol[protocol.top].kind != Kind::integer || protocol[protocol.top].integer != 1001)
    fail(Exit::data, file + ": not protocol 1001 of torch.save's stacked form");
  // The facts of the system do not matter: PyTorch writes the storages little-endian on every machine.
  read_stacked_pickle(bytes, at, file);
  const Pickle p = read_stacked_pickle(bytes, at, file);
  const std::vector<std::size_t> order = match(read_keys(bytes, at, file), p, file);
  check_size(p, at, bytes.size(), file);

  StorageBytes found{.owner = std::move(owner), .file_bytes = bytes.size()};
  found.storages.resize(p.storages.size());
  for (std::size_t i : order) {
    const PickledStorage& s = p.storages[i];
    int64_t elements = 0;
    std::memcpy(&elements, bytes.data() + at, sizeof elements);
    if (elements != s.elements)
      fail(Exit::data, fmt::format("{}: byte {}: storage {} has {} elements, its pickle says {}", file, at, s.key,
                                   elements, s.elements));
    at += sizeof elements;
    found.storages[i] = bytes.subspan(at, byte_count(s, file));
    at += found.storages[i].size();
  }
  return pickled_tensors(p, found, file);
}

}  // namespace pc
