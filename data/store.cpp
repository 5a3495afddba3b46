// Packing and mapping of the store: layout, checks, and where it lies.
#include "data/store.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "data/cache_folder.h"
#include "data/pack.h"
#include "kernels/base/bytes.h"
#include "kernels/base/directory.h"
#include "kernels/base/error.h"
#include "kernels/base/hash.h"
#include "kernels/base/temporary.h"

namespace pc::data {
namespace {

constexpr uint64_t kVersion = 4;            // of the layout and of what the decoders make of an image
constexpr const char* kName = "pictures-";  // what the names of stores begin with
constexpr char kMagic[8] = {'P', 'C', 'S', 'T', 'O', 'R', 'E', '\n'};

struct StoredEntry {
  uint64_t offset;
  uint32_t h, w;
};

struct Footer {
  char magic[8];
  uint64_t version, key, count, pixel_bytes, bad_bytes, checksum;
};

// `sum`, the CRC-32 of earlier bytes, continued over these. zlib takes a null pointer, which an empty block may have,
// as a request to start again.
uint32_t checksum(uint32_t sum, const void* data, std::size_t bytes) {
  return bytes == 0 ? sum : uint32_t(::crc32_z(sum, static_cast<const Bytef*>(data), bytes));
}

// Bad images as lines "ITEM\tFILE\tREASON\n"; tabs and newlines inside become spaces.
std::string bad_text(const std::vector<BadImage>& bad) {
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

// The index, if it is what write_store makes: the images lie one after the other, and together fill the pixels. A bad
// one is 0 x 0. Else nothing: an offset that leads elsewhere would show other memory as pixels.
std::optional<std::vector<StoredImage>> read_index(std::span<const std::byte> bytes, uint64_t pixel_bytes) {
  std::vector<StoredImage> index;
  index.reserve(bytes.size() / sizeof(StoredEntry));
  uint64_t end = 0;
  for (; !bytes.empty(); bytes = bytes.subspan(sizeof(StoredEntry))) {
    StoredEntry e;
    std::memcpy(&e, bytes.data(), sizeof e);
    const bool bad = e.h == 0 && e.w == 0;
    if (e.offset != end || (!bad && (e.h < 1 || e.h > kMaxSide || e.w < 1 || e.w > kMaxSide))) return std::nullopt;
    end += uint64_t(e.h) * e.w * 3;
    if (end > pixel_bytes) return std::nullopt;
    index.push_back({.offset = int64_t(e.offset), .h = int(e.h), .w = int(e.w)});
  }
  if (end != pixel_bytes) return std::nullopt;
  return index;
}

// The list of bad images, if it names just those that are 0 x 0 in the index, in their order.
std::optional<std::vector<BadImage>> read_bad(std::string_view text, const std::vector<StoredImage>& index) {
  std::vector<BadImage> bad;
  for (std::size_t item = 0; item < index.size(); ++item) {
    if (index[item].h != 0) continue;
    const std::string_view line = text.substr(0, text.find('\n'));
    const std::string number = std::to_string(item) + "\t";
    const std::size_t second = line.find('\t', number.size());
    if (line.size() == text.size() || !line.starts_with(number) || second == line.npos) return std::nullopt;
    bad.push_back({.item = item,
                   .file = std::string(line.substr(number.size(), second - number.size())),
                   .reason = std::string(line.substr(second + 1))});
    text.remove_prefix(line.size() + 1);
  }
  if (!text.empty()) return std::nullopt;
  return bad;
}

uint64_t key_of(const DataSet& data, const StoreSettings& settings) {
  return Hash64()
      .number(kVersion)
      .number(data.images->fingerprint())
      .number(data.catalog.items.size())
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
    const Packed packed = pack_images(data, settings, sink, progress);
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

// Removes the temporaries of stores whose packers are gone, those of other data sets and settings too.
void sweep_stores(const std::filesystem::path& folder) {
  for (const std::filesystem::path& path : list_folder(folder)) {
    const std::string name = path.filename().string();
    if (name.starts_with(kName) && is_temporary(path))
      sweep_temporaries_of(folder / name.substr(0, name.find(".tmp.")));
  }
}

}  // namespace

StoreSettings store_settings(int64_t height, int64_t width) {
  return {.short_side = int(std::min(2 * std::max(height, width), kMaxSide))};
}

DecodeSettings decode_settings(const StoreSettings& settings) {
  return {.max_pixels = settings.max_pixels, .min_side = settings.short_side};
}

std::filesystem::path store_path(const DataSet& data, const StoreSettings& settings,
                                 const std::filesystem::path& folder) {
  return folder / fmt::format("{}{:016x}.u8", kName, key_of(data, settings));
}

std::shared_ptr<const ImageStore> read_store(const std::filesystem::path& path, uint64_t key, std::size_t count) {
  if (!is_file(path)) return nullptr;
  auto store = std::make_shared<ImageStore>();
  store->file_ = MappedFile::open(path);
  const auto bytes = store->file_->bytes();
  Footer footer;
  if (bytes.size() < sizeof footer) return nullptr;
  std::memcpy(&footer, bytes.data() + bytes.size() - sizeof footer, sizeof footer);
  if (std::memcmp(footer.magic, kMagic, sizeof kMagic) != 0 || footer.version != kVersion) return nullptr;
  if (footer.key != key || footer.count != count) return nullptr;
  const std::size_t size = bytes.size(), index_bytes = count * sizeof(StoredEntry);
  if (footer.pixel_bytes > size || footer.bad_bytes > size || count > size / sizeof(StoredEntry)) return nullptr;
  const std::size_t index_at = (std::size_t(footer.pixel_bytes) + 7) & ~std::size_t(7);
  if (index_at + index_bytes + footer.bad_bytes + sizeof footer != size) return nullptr;
  const uint32_t sum = checksum(0, bytes.data(), size - sizeof footer.checksum);
  store->check_unchanged();
  if (sum != footer.checksum) {
    fail(Exit::data,
         fmt::format("{}: damaged: its bytes have CRC-32 {:08x}, written were {:08x}; delete it, it is made again",
                     path.string(), sum, footer.checksum));
  }
  auto index = read_index(bytes.subspan(index_at, index_bytes), footer.pixel_bytes);
  auto bad = index ? read_bad(as_text(bytes.subspan(index_at + index_bytes, footer.bad_bytes)), *index) : std::nullopt;
  if (!bad)
    fail(Exit::data, path.string() + ": damaged: its index does not fit its pixels; delete it, it is made again");
  store->pixels_ = reinterpret_cast<const uint8_t*>(bytes.data());
  store->pixel_bytes_ = int64_t(footer.pixel_bytes);
  store->index_ = std::move(*index);
  store->bad_ = std::move(*bad);
  return store;
}

Image ImageStore::copy_image(std::size_t item) const {
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
  const std::size_t count = data.catalog.items.size();
  make_folders(folder);
  sweep_stores(folder);
  if (auto store = read_store(path, key, count)) return store;
  write_store(path, data, settings, key, progress);
  auto store = read_store(path, key, count);
  if (!store) fail(Exit::file, fmt::format("{}: changed while it was being written", path.string()));
  return store;
}

}  // namespace pc::data
