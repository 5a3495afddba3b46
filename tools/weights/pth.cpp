#include "tools/weights/pth.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "data/zip.h"
#include "kernels/runtime/error.h"
#include "tools/weights/pickle.h"

namespace pc {
namespace {

using Kind = PickleValue::Kind;
using Records = std::unordered_map<std::string_view, const ZipRecord*>;  // by name within the archive's one folder

std::string_view text(const ZipRecord& record) {
  return {reinterpret_cast<const char*>(record.data.data()), record.data.size()};
}

// All records lie in one folder, named after the file that torch.save was given.
Records open_folder(const std::vector<ZipRecord>& archive, const std::string& file) {
  std::string folder;
  for (const ZipRecord& r : archive) {
    if (r.name.ends_with("/constants.pkl") || r.name.find("/code/") != r.name.npos)
      fail(Exit::data, file +
                           ": a TorchScript program, not a state dict; save the weights alone: "
                           "torch.save(model.state_dict(), FILE)");
    if (r.name.ends_with("/data.pkl") && folder.empty()) folder = r.name.substr(0, r.name.size() - 8);
  }
  if (folder.empty()) fail(Exit::data, file + ": a zip archive, but not one of torch.save (no data.pkl)");
  Records records;
  for (const ZipRecord& r : archive) {
    if (!r.name.starts_with(folder))
      fail(Exit::data,
           fmt::format("{}: record \"{}\" lies outside the folder {}", file, printable(r.name), printable(folder)));
    if (r.compressed)
      fail(Exit::data, fmt::format("{}: record \"{}\" is compressed; torch.save never does that: save the file again",
                                   file, printable(r.name)));
    records.emplace(std::string_view(r.name).substr(folder.size()), &r);
  }
  return records;
}

void check_byte_order(const Records& records, const std::string& file) {
  const auto found = records.find("byteorder");
  if (found == records.end()) return;
  const auto order = text(*found->second);
  if (order == "big")
    fail(Exit::data, file + ": byteorder big: written on a big-endian machine; save it again on a little-endian one");
  if (order != "little") fail(Exit::data, fmt::format("{}: unknown byteorder \"{}\"", file, printable(order)));
}

bool holds_tensors(const Pickle& p, const PickleValue& dict) {
  for (std::size_t i = 1; i < dict.items.size(); i += 2)
    if (p[dict.items[i]].kind == Kind::tensor) return true;
  return false;
}

const PickleValue& find_state_dict(const Pickle& p, const std::string& file) {
  const PickleValue* dict = &p[p.top];
  if (dict->kind != Kind::dict)
    fail(Exit::data, fmt::format("{}: holds a {}, not a state dict", file, name_of(dict->kind)));
  for (const char* key : {"state_dict_ema", "model_ema", "state_dict", "model"})
    if (const PickleValue* inner = p.find(*dict, key); inner && inner->kind == Kind::dict && holds_tensors(p, *inner))
      return *inner;
  if (holds_tensors(p, *dict)) return *dict;
  std::string keys;
  for (std::size_t i = 0; i < dict->items.size() && i < 20; i += 2)
    keys.append(1, ' ').append(printable(p[dict->items[i]].string));
  fail(Exit::data, fmt::format("{}: no state dict found under state_dict or model; its keys:{}", file, keys));
}

struct Source {
  const Records& records;
  std::shared_ptr<const void> owner;
  const std::string& file;
};

// A storage's record must have exactly the size that the pickle declares (CVE-2026-24747).
std::vector<const ZipRecord*> find_storages(const Pickle& p, const Source& source) {
  std::vector<const ZipRecord*> found;
  for (const PickledStorage& s : p.storages) {
    const auto record = source.records.find(fmt::format("data/{}", s.key));
    if (record == source.records.end())
      fail(Exit::data, fmt::format("{}: storage {} has no record", source.file, s.key));
    int64_t bytes = 0;
    const std::size_t actual = record->second->data.size();
    if (__builtin_mul_overflow(s.elements, int64_t(size_of(s.type)), &bytes) || uint64_t(bytes) != actual)
      fail(Exit::data, fmt::format("{}: storage {} has {} elements of {}, its record {} bytes", source.file, s.key,
                                   s.elements, name_of(s.type), actual));
    found.push_back(record->second);
  }
  return found;
}

// Copies a strided view, the last dimension innermost.
std::shared_ptr<const void> gather(const PickledTensor& t, const std::byte* storage, std::size_t element,
                                   std::size_t bytes) {
  auto result = std::make_shared<std::vector<std::byte>>(bytes);
  std::byte* out = result->data();
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
  const std::byte* data = result->data();
  return {std::move(result), data};
}

class Converter {
 public:
  Converter(const Pickle& p, const Source& source, std::size_t file_bytes)
      : p_(p), source_(source), storages_(find_storages(p, source)), budget_(4 * file_bytes + (64u << 20)) {}

  WeightFile convert(const PickleValue& dict) {
    WeightFile file;
    std::unordered_set<std::string_view> names;
    for (std::size_t i = 0; i < dict.items.size(); i += 2) {
      const PickleValue &key = p_[dict.items[i]], &value = p_[dict.items[i + 1]];
      if (key.kind != Kind::string)
        fail(Exit::data, fmt::format("{}: a {} as a tensor's name", source_.file, name_of(key.kind)));
      if (!names.insert(key.string).second)
        fail(Exit::data, fmt::format("{}: two tensors are named \"{}\"", source_.file, printable(key.string)));
      if (value.kind != Kind::tensor)
        fail(Exit::data,
             fmt::format("{}: \"{}\" is a {}, not a tensor", source_.file, printable(key.string), name_of(value.kind)));
      file.tensors.push_back(convert(std::string(key.string), p_.tensors[std::size_t(value.integer)]));
    }
    return file;
  }

 private:
  FileTensor convert(std::string name, const PickledTensor& t) {
    FileTensor result{.name = std::move(name), .type = p_.storages[t.storage].type, .shape = t.shape};
    const std::size_t element = size_of(result.type);
    std::size_t bytes = 0;
    if (__builtin_mul_overflow(std::size_t(result.size()), element, &bytes) || bytes > budget_)
      fail(Exit::limit,
           fmt::format("{}: \"{}\": the tensors together are far larger than the file that they share or expand",
                       source_.file, printable(result.name)));
    budget_ -= bytes;
    const std::byte* storage = storages_[t.storage]->data.data();
    if (t.contiguous()) {
      result.data = storage + std::size_t(t.offset) * element;
      result.owner = source_.owner;
    } else {
      result.owner = gather(t, storage, element, bytes);
      result.data = static_cast<const std::byte*>(result.owner.get());
    }
    return result;
  }

  const Pickle& p_;
  const Source& source_;
  std::vector<const ZipRecord*> storages_;
  std::size_t budget_;
};

}  // namespace

WeightFile parse_pth(std::span<const std::byte> bytes, std::shared_ptr<const void> owner, const std::string& file,
                     const PthOptions& options) {
  const auto archive = read_zip_directory(bytes, file);
  const Records records = open_folder(archive, file);
  if (options.check_crc)
    for (const ZipRecord& r : archive) check_crc(r, file);
  check_byte_order(records, file);
  const std::string pickle_name = file + ": data.pkl";
  const auto pickle = records.find("data.pkl");
  if (pickle == records.end()) fail(Exit::data, file + ": more than one folder with a data.pkl");
  const Pickle p = read_pickle(pickle->second->data, pickle_name);
  const Source source{.records = records, .owner = std::move(owner), .file = file};
  return Converter(p, source, bytes.size()).convert(find_state_dict(p, file));
}

}  // namespace pc
