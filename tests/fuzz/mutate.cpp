#include "tests/fuzz/mutate.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "tests/weights/pth_bytes.h"

namespace pc::fuzz {
namespace {

template <class T>
T field(const std::string& archive, std::size_t at) {
  T value;
  std::memcpy(&value, archive.data() + at, sizeof value);
  return value;
}

// The records by their local headers, as far as these make sense.
std::vector<test::ZipEntry> records_of(const std::string& archive) {
  constexpr std::size_t header = 30;
  std::vector<test::ZipEntry> records;
  for (std::size_t at = 0; at + header <= archive.size() && archive.compare(at, 4, "PK\3\4") == 0;) {
    const auto packed = field<uint32_t>(archive, at + 18);
    const std::size_t name = field<uint16_t>(archive, at + 26), extra = field<uint16_t>(archive, at + 28);
    const std::size_t data = at + header + name + extra;
    if (data > archive.size() || packed > archive.size() - data) break;
    const auto method = field<uint16_t>(archive, at + 8);
    const std::string bytes = archive.substr(data, packed);
    test::ZipEntry record{.name = archive.substr(at + header, name), .text = bytes, .method = method, .packed = bytes};
    if (method != 0) record.crc = record.local_crc = field<uint32_t>(archive, at + 14);
    if (method != 0) record.bytes = record.local_bytes = field<uint32_t>(archive, at + 22);
    records.push_back(std::move(record));
    at = data + packed;
  }
  return records;
}

}  // namespace

void mutate(std::string& text, std::size_t most) {
  const std::size_t before = text.size();
  text.resize(std::max(before, most));
  text.resize(LLVMFuzzerMutate(reinterpret_cast<uint8_t*>(text.data()), before, text.size()));
}

std::size_t mutate_with(uint8_t* data, std::size_t size, std::size_t most, unsigned seed,
                        const std::function<void(std::string& input, Random&)>& change) {
  Random random(seed);
  random();  // the first number is nearly the seed
  if (random() % 4 == 0) return LLVMFuzzerMutate(data, size, most);
  std::string input(reinterpret_cast<const char*>(data), size);
  change(input, random);
  input.resize(std::min(input.size(), most));
  std::memcpy(data, input.data(), input.size());
  return input.size();
}

void mutate_zip(std::string& archive, Random& random) {
  auto records = records_of(archive);
  if (records.empty()) records.push_back({.name = "a/data.pkl", .text = archive});
  const std::size_t chosen = random() % records.size();
  const test::ZipEntry old = records[chosen];
  std::string name = old.name, bytes = old.packed;
  switch (random() % 8) {
    case 0:
      mutate(name, 64);
      break;
    case 1:
      records.erase(records.begin() + std::ptrdiff_t(chosen));
      break;
    case 2:
      records.push_back(old);
      break;
    default:
      mutate(bytes, bytes.size() + 64);
  }
  // A packed record keeps its checksum: the packed bytes would have to be unpacked to know another.
  test::ZipEntry fresh{.name = name, .text = bytes, .method = old.method, .packed = bytes};
  if (old.method != 0) fresh.crc = fresh.local_crc = old.crc, fresh.bytes = fresh.local_bytes = old.bytes;
  if (chosen < records.size() && records[chosen].name == old.name) records[chosen] = std::move(fresh);
  archive = test::zip(records);
}

}  // namespace pc::fuzz
