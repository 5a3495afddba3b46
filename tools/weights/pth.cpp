#include "tools/weights/pth.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "data/zip.h"
#include "kernels/base/bytes.h"
#include "kernels/base/error.h"
#include "kernels/base/file.h"
#include "kernels/base/text.h"
#include "tools/weights/pickle_reader.h"
#include "tools/weights/pickled_tensors.h"

namespace pc {
namespace {

using Records = std::unordered_map<std::string_view, const ZipRecord*>;  // by name within the archive's one folder

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

bool is_big_endian(const Records& records, const std::string& file) {
  const auto found = records.find("byteorder");
  if (found == records.end()) return false;
  const auto order = as_text(found->second->data);
  if (order != "little" && order != "big")
    fail(Exit::data, fmt::format("{}: unknown byteorder \"{}\"", file, printable(order)));
  return order == "big";
}

// torch.save writes the pickle first: what is there of a file that is cut off often tells how much there should be.
void say_how_much_is_missing(std::span<const std::byte> bytes, const std::string& file) {
  std::size_t expected = 0;
  try {
    const ZipRecord first = first_record(bytes, file);
    const Pickle p = PickleReader(first.data, file, 0, 5).read();
    for (const PickledStorage& s : p.storages)
      if (__builtin_add_overflow(expected, byte_count(s, file), &expected)) return;
  } catch (const Error&) {
    return;  // the pickle is cut off too, or the file never was what it seems
  }
  if (expected > bytes.size()) fail(Exit::data, truncated(file, bytes.size(), expected));
}

// A storage's record must have exactly the size that the pickle declares (CVE-2026-24747).
std::vector<std::span<const std::byte>> find_storages(const Pickle& p, const Records& records,
                                                      const std::string& file) {
  std::vector<std::span<const std::byte>> found;
  for (const PickledStorage& s : p.storages) {
    const auto record = records.find(fmt::format("data/{}", s.key));
    if (record == records.end()) fail(Exit::data, fmt::format("{}: storage {} has no record", file, s.key));
    const auto data = record->second->data;
    if (byte_count(s, file) != data.size())
      fail(Exit::data, fmt::format("{}: storage {} has {} elements of {}, its record {} bytes", file, s.key, s.elements,
                                   name_of(s.type), data.size()));
    found.push_back(data);
  }
  return found;
}

void refuse_orphans(const Pickle& p, const Records& records, const std::string& file) {
  const auto is_data = [](const auto& record) { return record.first.starts_with("data/"); };
  if (std::size_t(std::count_if(records.begin(), records.end(), is_data)) == p.storages.size()) return;
  std::unordered_set<std::string_view> keys;
  for (const PickledStorage& s : p.storages) keys.insert(s.key);
  for (const auto& record : records)
    if (is_data(record) && !keys.contains(record.first.substr(5)))
      fail(Exit::data, fmt::format("{}: record \"{}\" belongs to no tensor", file, printable(record.first)));
}

}  // namespace

WeightFile parse_pth(std::span<const std::byte> bytes, std::shared_ptr<const void> owner, const std::string& file,
                     const PthOptions& options) {
  if (!ends_with_directory(bytes)) say_how_much_is_missing(bytes, file);
  const auto archive = read_zip_directory(bytes, file);
  const Records records = open_folder(archive, file);
  if (options.check_crc)
    for (const ZipRecord& r : archive) check_crc(r, file);
  const Pickle p = read_pickle(records.at("data.pkl")->data, file + ": data.pkl");
  const StorageBytes found{.storages = find_storages(p, records, file),
                           .owner = std::move(owner),
                           .file_bytes = bytes.size(),
                           .big_endian = is_big_endian(records, file)};
  WeightFile weights = pickled_tensors(p, found, file);
  refuse_orphans(p, records, file);
  return weights;
}

}  // namespace pc
