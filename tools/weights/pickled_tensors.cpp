#include "tools/weights/pickled_tensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <string_view>
#include <unordered_set>

#include "kernels/base/error.h"
#include "kernels/base/text.h"
#include "tools/weights/find_state_dict.h"

namespace pc::weights {
namespace {

using Kind = PickleValue::Kind;

// Copies a strided view, the last dimension innermost.
std::vector<std::byte> gather(const PickledTensor& t, const std::byte* storage, std::size_t element,
                              std::size_t bytes) {
  std::vector<std::byte> result(bytes);
  std::byte* out = result.data();
  std::vector<int64_t> at(t.shape.size(), 0), strides = t.strides;
  for (std::size_t i = 0; i < strides.size(); ++i)
    if (t.shape[i] == 1)
      strides[i] = 0;  // never checked against the storage, as it leads nowhere: it may be any number
  int64_t from = t.offset;
  for (std::size_t left = bytes / element; left > 0; --left, out += element) {
    std::memcpy(out, storage + std::size_t(from) * element, element);
    for (std::size_t i = at.size(); i-- > 0;) {
      from += strides[i];
      if (++at[i] < t.shape[i]) break;
      from -= strides[i] * t.shape[i];
      at[i] = 0;
    }
  }
  return result;
}

void swap_bytes(std::vector<std::byte>& bytes, std::size_t element) {
  for (auto at = bytes.begin(); at != bytes.end(); at += std::ptrdiff_t(element))
    std::reverse(at, at + std::ptrdiff_t(element));
}

class Converter {
 public:
  Converter(const Pickle& p, const StorageBytes& source, const std::string& file)
      : p_(p),
        source_(source),
        file_(file),
        budget_(4 * source.file_bytes + (64u << 20)),
        copies_(source.file_bytes + (32u << 20)) {}

  WeightFile convert(const PickleValue& dict) {
    WeightFile result;
    std::unordered_set<std::string_view> names;
    for (std::size_t i = 0; i < dict.items.size(); i += 2) {
      const PickleValue &key = p_[dict.items[i]], &value = p_[dict.items[i + 1]];
      if (key.kind != Kind::string) refuse(fmt::format("a {} as a tensor's name", name_of(key.kind)));
      if (!names.insert(key.string).second) refuse(fmt::format("two tensors are named \"{}\"", printable(key.string)));
      if (value.kind != Kind::tensor)
        refuse(fmt::format("\"{}\" is a {}, not a tensor", printable(key.string), name_of(value.kind)));
      result.tensors.push_back(convert(std::string(key.string), p_.tensors[std::size_t(value.integer)]));
    }
    return result;
  }

 private:
  [[noreturn]] void refuse(const std::string& what) const { fail(Exit::data, file_ + ": " + what); }

  FileTensor convert(std::string name, const PickledTensor& t) {
    FileTensor result{.name = std::move(name), .type = p_.storages[t.storage].type, .shape = t.shape};
    const std::size_t element = size_of(result.type);
    const std::byte* storage = source_.storages[t.storage].data();
    const std::size_t bytes = spend(result, budget_);
    if (t.contiguous() && !source_.big_endian) {
      result.data = storage + std::size_t(t.offset) * element;
      result.owner = source_.owner;
    } else {
      spend(result, copies_);
      auto copy = std::make_shared<std::vector<std::byte>>(gather(t, storage, element, bytes));
      if (source_.big_endian) swap_bytes(*copy, element);
      result.data = copy->data();
      result.owner = std::move(copy);
    }
    return result;
  }

  std::size_t spend(const FileTensor& t, std::size_t& budget) const {
    std::size_t bytes = 0;
    if (__builtin_mul_overflow(std::size_t(t.size()), size_of(t.type), &bytes) || bytes > budget)
      fail(Exit::limit, fmt::format("{}: \"{}\": the tensors together are far larger than the file that they share or "
                                    "expand",
                                    file_, printable(t.name)));
    budget -= bytes;
    return bytes;
  }

  const Pickle& p_;
  const StorageBytes& source_;
  const std::string& file_;
  std::size_t budget_, copies_;  // bytes that all tensors, and those that are copied, may still take
};

}  // namespace

std::size_t byte_count(const PickledStorage& s, const std::string& file) {
  std::size_t bytes = 0;
  if (__builtin_mul_overflow(std::size_t(s.elements), size_of(s.type), &bytes))
    fail(Exit::data, fmt::format("{}: storage {} has {} elements of {}, more than any file", file, s.key, s.elements,
                                 name_of(s.type)));
  return bytes;
}

WeightFile pickled_tensors(const Pickle& pickle, const StorageBytes& storages, const std::string& file) {
  const FoundStateDict found = find_state_dict(pickle, file);
  WeightFile weights = Converter(pickle, storages, file).convert(*found.dict);
  if (!found.note.empty()) weights.notes.push_back(found.note);
  return weights;
}

}  // namespace pc::weights
