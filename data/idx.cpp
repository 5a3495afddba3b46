// Big-endian u32 magic and sizes, then bytes; gzipped or not.
#include "data/idx.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <memory>
#include <new>
#include <utility>

#include "data/decode_settings.h"
#include "data/layout.h"
#include "kernels/base/error.h"
#include "kernels/base/file.h"
#include "kernels/base/hash.h"

namespace pc::data::detail {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFashion[] = {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
                                    "Sandal",      "Shirt",   "Sneaker",  "Bag",   "Ankle boot"};
// The first labels of its training file, which tell it from MNIST.
constexpr uint8_t kFashionLabels[] = {9, 0, 0, 3, 0, 2, 7, 2, 5, 5, 0, 9, 5, 5, 7, 9};
constexpr std::size_t kMaxBytes = std::size_t(1) << 30;
constexpr uint32_t kMaxImages = 10'000'000;  // a catalog needs a hundred times the bytes of a label

// FOLDER/STEM.gz or FOLDER/STEM; "" if neither exists.
fs::path idx_file(const fs::path& folder, const std::string& stem) {
  for (const char* end : {"", ".gz"})
    if (is_file(folder / (stem + end))) return folder / (stem + end);
  return {};
}

// The whole file, unpacked.
std::vector<uint8_t> read_unpacked(const fs::path& path) {
  const std::unique_ptr<gzFile_s, int (*)(gzFile)> file(gzopen(path.c_str(), "rb"), gzclose);
  if (!file) fail(Exit::file, fmt::format("cannot open {}: {}", path.string(), std::strerror(errno)));
  gzbuffer(file.get(), 1 << 17);
  std::vector<uint8_t> bytes;
  constexpr unsigned kStep = 1 << 16;
  while (true) {
    const std::size_t have = bytes.size();
    if (have > kMaxBytes) fail(Exit::limit, path.string() + ": larger than 1 GiB unpacked");
    bytes.resize(have + kStep);
    const int n = gzread(file.get(), bytes.data() + have, kStep);
    int code = Z_OK;
    const int system = errno;
    const char* why = gzerror(file.get(), &code);
    if (code == Z_ERRNO) fail(Exit::file, fmt::format("cannot read {}: {}", path.string(), std::strerror(system)));
    if (code == Z_MEM_ERROR) throw std::bad_alloc();
    if (n < 0 || (code != Z_OK && code != Z_STREAM_END))
      fail(Exit::data, fmt::format("{}: damaged ({})", path.string(), why));
    bytes.resize(have + std::size_t(n));
    if (n == 0) return bytes;
  }
}

struct IdxArray {
  std::string file;
  std::vector<uint32_t> shape;
  std::vector<uint8_t> bytes;  // header included
  std::size_t header = 0;
};

IdxArray read_idx(const fs::path& path, std::size_t rank) {
  IdxArray a{.file = path.string(), .shape = {}, .bytes = read_unpacked(path), .header = 4 + 4 * rank};
  const auto u32 = [&](std::size_t at) {
    return uint32_t(a.bytes[at]) << 24 | uint32_t(a.bytes[at + 1]) << 16 | uint32_t(a.bytes[at + 2]) << 8 |
           a.bytes[at + 3];
  };
  if (a.bytes.size() < a.header || u32(0) != 0x0800u + rank) {
    fail(Exit::data, fmt::format("{}: not an IDX file of u8 with {} dimensions", path.string(), rank));
  }
  std::size_t expected = 1;
  for (std::size_t i = 0; i < rank; ++i) {
    a.shape.push_back(u32(4 + 4 * i));
    if (a.shape.back() == 0 || a.shape.back() > kMaxBytes / expected)
      fail(Exit::data, path.string() + ": impossible sizes");
    expected *= a.shape.back();
  }
  if (a.bytes.size() - a.header != expected) {
    fail(Exit::data,
         fmt::format("{}: {} bytes of data, its header says {}", path.string(), a.bytes.size() - a.header, expected));
  }
  return a;
}

bool is_fashion(const IdxArray& labels) {
  return labels.shape[0] >= std::size(kFashionLabels) &&
         std::equal(std::begin(kFashionLabels), std::end(kFashionLabels),
                    labels.bytes.begin() + std::ptrdiff_t(labels.header));
}

class IdxImages final : public ImageSource {
 public:
  void add(IdxArray part) {
    hash_.number(part.bytes.size()).bytes(part.bytes.data(), part.bytes.size());
    parts_.push_back(std::move(part));
  }
  Image image(std::size_t item, const DecodeSettings& settings) const override {
    const IdxArray* part = find(item);
    check_pixels(fmt::format("{}: image {}", part->file, item), part->shape[2], part->shape[1], settings);
    const std::size_t pixels = std::size_t(part->shape[1]) * part->shape[2];
    Image image{.h = int(part->shape[1]), .w = int(part->shape[2]), .pixels = std::vector<uint8_t>(3 * pixels)};
    const uint8_t* gray = part->bytes.data() + part->header + item * pixels;
    for (std::size_t i = 0; i < pixels; ++i) std::fill_n(&image.pixels[3 * i], 3, gray[i]);
    return image;
  }
  ImageInfo info(std::size_t item) const override {
    const IdxArray* part = find(item);
    return {.format = ImageFormat::unknown, .mode = ImageMode::gray, .h = part->shape[1], .w = part->shape[2]};
  }
  uint64_t fingerprint() const override { return hash_.value(); }

 private:
  // The file that holds an item, whose number becomes the one within the file.
  const IdxArray* find(std::size_t& item) const {
    const IdxArray* part = parts_.data();
    while (item >= part->shape[0]) item -= (part++)->shape[0];
    return part;
  }
  std::vector<IdxArray> parts_;
  Hash64 hash_;
};

}  // namespace

bool is_idx(const fs::path& root) { return !idx_file(root, "train-images-idx3-ubyte").empty(); }

DataSet open_idx(const fs::path& root, const std::vector<std::string>& columns) {
  Catalog catalog;
  require_label_only(catalog, root.string(), columns);
  auto source = std::make_shared<IdxImages>();
  uint8_t highest = 0;
  bool fashion = false;
  for (const auto& [stem, split] : {std::pair("train", Split::train), std::pair("t10k", Split::test)}) {
    const fs::path image_file = idx_file(root, fmt::format("{}-images-idx3-ubyte", stem));
    const fs::path label_file = idx_file(root, fmt::format("{}-labels-idx1-ubyte", stem));
    if (image_file.empty() || label_file.empty()) {
      fail(Exit::data,
           fmt::format("{}: {}-images-idx3-ubyte or {}-labels-idx1-ubyte is missing", root.string(), stem, stem));
    }
    IdxArray images = read_idx(image_file, 3);
    const IdxArray labels = read_idx(label_file, 1);
    if (labels.shape[0] > kMaxImages)
      fail(Exit::limit, fmt::format("{}: more than {} images", label_file.string(), kMaxImages));
    if (images.shape[0] != labels.shape[0]) {
      fail(Exit::data,
           fmt::format("{}: {} labels for {} images", label_file.string(), labels.shape[0], images.shape[0]));
    }
    if (split == Split::train) fashion = is_fashion(labels);
    for (std::size_t i = 0; i < labels.shape[0]; ++i) {
      const uint8_t label = labels.bytes[labels.header + i];
      highest = std::max(highest, label);
      catalog.items.push_back({.file = fmt::format("{}/{}", stem, i), .labels = {label}});
      catalog.given.push_back(split);
    }
    source->add(std::move(images));
  }
  catalog.report.rows = int64_t(catalog.items.size());
  fashion = fashion && highest <= 9;
  std::vector<std::string> texts;
  for (const auto& item : catalog.items) {
    const auto number = std::size_t(item.labels[0]);
    texts.push_back(fashion ? kFashion[number] : fmt::format("{:0{}}", number, highest > 99 ? 3 : highest > 9 ? 2 : 1));
  }
  catalog.classes.resize(1);
  number_labels(catalog, 0, texts);
  return {.kind = "idx",
          .layout = fashion ? "IDX files of Fashion-MNIST, classes by its names" : "IDX files, classes by number",
          .split_from = "the files train-* and t10k-*",
          .catalog = std::move(catalog),
          .images = std::move(source)};
}

}  // namespace pc::data::detail
