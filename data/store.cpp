// Packing and mapping of the store: layout, checks, and where it lies.
#include "data/store.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "data/pack.h"
#include "kernels/base/directory.h"
#include "kernels/base/error.h"
#include "kernels/base/hash.h"

namespace pc {
namespace {

constexpr uint64_t kVersion = 3;  // of the layout and of what the decoders make of a picture
constexpr char kMagic[8] = {'P', 'C', 'S', 'T', 'O', 'R', 'E', '\n'};

struct StoredEntry {
  uint64_t offset;
  uint32_t h, w;
};

struct Footer {
  char magic[8];
  uint64_t version, key, count, pixel_bytes, bad_bytes, checksum;
};

// The CRC-32 of what `sum` is of, and these bytes behind it. zlib takes a null pointer, which an empty block may have,
// for the wish to begin anew.
uint32_t checksum(uint32_t sum, const void* data, std::size_t bytes) {
  return bytes == 0 ? sum : uint32_t(::crc32_z(sum, static_cast<const Bytef*>(data), bytes));
}

// Bad pictures as lines "ITEM\tFILE\tREASON\n"; tabs and newlines inside become spaces.
std::string bad_text(const std::vector<BadPicture>& bad) {
  std::string text;
  for (const auto& b : bad) {
    std::string file = b.file, reason = b.reason;
    for (std::string* s : {&file, &reason}) {
      std::replace_if(
          s->begin(), s->end(), [](char c) { return c == '\t' || c == '\n'; }, ' ');
    }
    text += fmt::format("{}\t{}\t{}\n", b.item, file, reason);
  }
  return text;
}

std::vector<BadPicture> parse_bad(std::string_view text) {
  std::vector<BadPicture> bad;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const std::size_t first = line.find('\t'), second = line.find('\t', first + 1);
    if (first == std::string_view::npos || second == std::string_view::npos) continue;
    bad.push_back({.item = std::strtoull(std::string(line.substr(0, first)).c_str(), nullptr, 10),
                   .file = std::string(line.substr(first + 1, second - first - 1)),
                   .reason = std::string(line.substr(second + 1))});
  }
  return bad;
}

uint64_t key_of(const DataSet& data, const StoreSettings& settings) {
  return Hash64()
      .number(kVersion)
      .number(data.pictures->fingerprint())
      .number(data.catalogue.items.size())
      .number(uint64_t(settings.short_side))
      .number(uint64_t(settings.max_pixels))
      .value();
}

void write_store(const std::filesystem::path& path, const DataSet& data, const StoreSettings& settings, uint64_t key,
                 const PackProgress& progress) {
  write_file_atomically(path, [&](const FileSink& file) {
    uint32_t sum = 0;
    const FileSink sink = [&](const void* bytes, std::size_t size) {
      sum = checksum(sum, bytes, size);
      file(bytes, size);
    };
    const Packed packed = pack_pictures(data, settings, sink, progress);
    std::vector<StoredEntry> index;
    for (const auto& image : packed.index) {
      index.push_back({.offset = uint64_t(image.offset), .h = uint32_t(image.h), .w = uint32_t(image.w)});
    }
    const std::string bad = bad_text(packed.bad);
    const std::size_t index_bytes = index.size() * sizeof(StoredEntry);
    const std::size_t gap = std::size_t(-packed.bytes & 7);  // the index is 8-byte aligned
    Footer footer{.magic = {},
                  .version = kVersion,
                  .key = key,
                  .count = index.size(),
                  .pixel_bytes = uint64_t(packed.bytes),
                  .bad_bytes = bad.size(),
                  .checksum = 0};
    std::memcpy(footer.magic, kMagic, sizeof kMagic);
    sink("\0\0\0\0\0\0\0", gap);
    sink(index.data(), index_bytes);
    sink(bad.data(), bad.size());
    sink(&footer, offsetof(Footer, checksum));
    footer.checksum = sum;
    file(&footer.checksum, sizeof footer.checksum);
  });
}

}  // namespace

StoreSettings store_settings(int64_t height, int64_t width) { return {.short_side = int(2 * std::max(height, width))}; }

DecodeSettings decode_settings(const StoreSettings& settings) {
  return {.max_pixels = settings.max_pixels, .min_side = settings.short_side};
}

std::filesystem::path store_path(const DataSet& data, const StoreSettings& settings,
                                 const std::filesystem::path& folder) {
  return folder / fmt::format("pictures-{:016x}.u8", key_of(data, settings));
}

std::shared_ptr<const ImageStore> read_store(const std::filesystem::path& path, uint64_t key, std::size_t count) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored)) return nullptr;
  auto store = std::make_shared<ImageStore>();
  store->file_ = MappedFile::open(path);
  const auto bytes = store->file_->bytes();
  Footer footer;
  if (bytes.size() < sizeof footer) return nullptr;
  std::memcpy(&footer, bytes.data() + bytes.size() - sizeof footer, sizeof footer);
  if (std::memcmp(footer.magic, kMagic, sizeof kMagic) != 0 || footer.version != kVersion) return nullptr;
  if (footer.key != key || footer.count != count) return nullptr;
  const std::size_t size = bytes.size(), index_bytes = count * sizeof(StoredEntry);
  if (footer.pixel_bytes > size || footer.bad_bytes > size || index_bytes > size) return nullptr;
  const std::size_t index_at = (std::size_t(footer.pixel_bytes) + 7) & ~std::size_t(7);
  if (index_at + index_bytes + footer.bad_bytes + sizeof footer != size) return nullptr;
  const uint32_t sum = checksum(0, bytes.data(), size - sizeof footer.checksum);
  if (sum != footer.checksum) {
    fail(Exit::data,
         fmt::format("{}: damaged: its bytes have CRC-32 {:08x}, written were {:08x}; delete it, it is made anew",
                     path.string(), sum, footer.checksum));
  }
  const std::byte* index = bytes.data() + index_at;
  const std::byte* bad = index + index_bytes;

  store->pixels_ = reinterpret_cast<const uint8_t*>(bytes.data());
  store->pixel_bytes_ = int64_t(footer.pixel_bytes);
  store->index_.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    StoredEntry e;
    std::memcpy(&e, index + i * sizeof e, sizeof e);
    store->index_.push_back({.offset = int64_t(e.offset), .h = int(e.h), .w = int(e.w)});
  }
  store->bad_ = parse_bad({reinterpret_cast<const char*>(bad), footer.bad_bytes});
  return store;
}

Image ImageStore::picture(std::size_t item) const {
  const StoredImage stored = image(item);
  const uint8_t* pixels = pixels_ + stored.offset;
  return {.h = stored.h, .w = stored.w, .pixels = {pixels, pixels + std::ptrdiff_t(stored.h) * stored.w * 3}};
}

std::shared_ptr<const ImageStore> open_store(const DataSet& data, const StoreSettings& settings,
                                             const std::filesystem::path& cache, const PackProgress& progress) {
  if (settings.short_side < 0) fail(Exit::usage, fmt::format("short side {}: must be 0 or more", settings.short_side));
  const std::filesystem::path folder = cache.empty() ? default_cache_folder() : cache;
  const std::filesystem::path path = store_path(data, settings, folder);
  const uint64_t key = key_of(data, settings);
  const std::size_t count = data.catalogue.items.size();
  if (auto store = read_store(path, key, count)) return store;
  make_folders(folder);
  write_store(path, data, settings, key, progress);
  auto store = read_store(path, key, count);
  if (!store) fail(Exit::file, fmt::format("{}: changed while it was being written", path.string()));
  return store;
}

}  // namespace pc
