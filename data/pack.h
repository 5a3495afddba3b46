// The decoding of a whole data set by several threads, written in item order. Internal to data/.
#pragma once

#include <cstdint>
#include <vector>

#include "data/catalog.h"
#include "data/store.h"
#include "kernels/base/file.h"

namespace pc::data {

struct Packed {
  std::vector<StoredImage> index;
  std::vector<BadImage> bad;
  int64_t bytes = 0;
};

// Sends the pixels of every image to `sink`, in order, from this thread. Memory is bounded: a few blocks of images
// per thread. What is wrong with an image's own bytes goes to `bad`. Errors of the file system, of memory and of the sink
// end the packing: another time they may not occur.
Packed pack_images(const DataSet& data, const StoreSettings& settings, const FileSink& sink,
                   const PackProgress& progress);

}  // namespace pc::data
