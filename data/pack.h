// The decoding of a whole data set by several threads, written in item order. Internal to data/.
#pragma once

#include <cstdint>
#include <vector>

#include "data/catalog.h"
#include "data/store.h"
#include "kernels/base/file.h"

namespace pc {

struct Packed {
  std::vector<StoredImage> index;
  std::vector<BadImage> bad;
  int64_t bytes = 0;
};

// Sends the pixels of every image to `sink`, in order, from this thread. Memory is bounded: a few blocks of images
// per thread. Errors of single images go to `bad`; those of the sink and of memory end the packing.
Packed pack_images(const DataSet& data, const StoreSettings& settings, const FileSink& sink,
                   const PackProgress& progress);

}  // namespace pc
