// The packed store: every image decoded once into one file of u8 pixels, mapped from then on.
//
// Layout (little-endian): pixels of all images, one after the other | index: u64 offset, u32 h, u32 w each | bad list
// as text | footer: magic, version, key, count, size of pixels and bad list, CRC-32 of every byte before it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "data/catalog.h"
#include "data/decode_settings.h"
#include "data/image.h"
#include "kernels/base/file.h"

namespace pc::data {

struct StoreSettings {
  // An image whose short side is longer is resized to this short side (triangle filter over the whole footprint, aspect
  // ratio kept to a pixel); smaller ones are stored as they are. 0: every image at its own size.
  int short_side = 0;
  int64_t max_pixels = 100'000'000;  // of the image before it is resized
};

// What a network with this input size trains on: twice its longer side is kept, so that crops lose no detail.
StoreSettings store_settings(int64_t height, int64_t width);
// How images are decoded for such a store, before they are resized to its short side.
DecodeSettings decode_settings(const StoreSettings& settings);

struct StoredImage {
  int64_t offset = 0;  // of its h * w * 3 bytes in pixels()
  int h = 0, w = 0;    // 0 x 0: a bad image
};

struct BadImage {
  std::size_t item = 0;
  std::string file, reason;
};

class ImageStore {
 public:
  const uint8_t* pixels() const { return pixels_; }
  int64_t pixel_bytes() const { return pixel_bytes_; }
  StoredImage image(std::size_t item) const { return index_[item]; }
  Image copy_image(std::size_t item) const;  // a copy of its pixels
  const std::vector<StoredImage>& index() const { return index_; }
  std::size_t size() const { return index_.size(); }
  const std::vector<BadImage>& bad() const { return bad_; }
  const std::filesystem::path& path() const { return file_->path(); }
  // Error(file) if the mapped file was overwritten or cut meanwhile: call it after pixels were taken out of it.
  void check_unchanged() const { file_->check_unchanged(); }

 private:
  friend std::shared_ptr<const ImageStore> read_store(const std::filesystem::path&, uint64_t, std::size_t);
  std::shared_ptr<const MappedFile> file_;
  const uint8_t* pixels_ = nullptr;
  int64_t pixel_bytes_ = 0;
  std::vector<StoredImage> index_;
  std::vector<BadImage> bad_;
};

using PackProgress = std::function<void(int64_t done, int64_t total)>;

// The file the store of this data set and these settings has: FOLDER/pictures-KEY.u8.
std::filesystem::path store_path(const DataSet& data, const StoreSettings& settings,
                                 const std::filesystem::path& folder);

// Maps the store, or packs it first (all threads; `progress` is called from this thread) if it is absent, truncated or
// of other content; what killed packers left in the folder is removed. An empty `cache` is the default cache folder. An image that cannot be decoded is listed in bad()
// and never stops the packing. Reads the whole file once. Errors: Error(file) if the folder cannot be written or an
// image cannot be read, Error(limit) if memory is short, Error(data) if the store is whole but its bytes are not those that were written: such a disk must be noticed.
std::shared_ptr<const ImageStore> open_store(const DataSet& data, const StoreSettings& settings,
                                             const std::filesystem::path& cache, const PackProgress& progress = {});

// The store at `path`, or null if it is absent, truncated, or not of this version, key and number of images. Errors:
// Error(data) if its checksum does not match, or its offsets and sizes are not what packing makes.
std::shared_ptr<const ImageStore> read_store(const std::filesystem::path& path, uint64_t key, std::size_t count);

}  // namespace pc::data
