// The JSON body of a KServe v2 inference request:
// https://kserve.github.io/website/docs/concepts/architecture/data-plane/v2-protocol
//
// One input. "image", UINT8 [n,h,w,3]: the pixels of n pictures, "data" flat or nested. "file", BYTES [n]: n JPEG, PNG
// or WebP files, each a base64 string in "data", since JSON cannot hold bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "data/image.h"

namespace pc::serve {

struct InferRequest {
  std::string id;                             // "" where absent
  std::vector<data::Image> images;            // of an "image" input
  std::vector<std::vector<std::byte>> files;  // of a "file" input
  std::vector<std::string> outputs;           // names asked for; empty: all of them
};

// Throws Error(data) for what is no such request, with the place of broken JSON; Error(limit) for more than
// `most` pictures. What is not known is passed over in "parameters" and refused elsewhere.
InferRequest parse_infer_request(std::string_view json, std::size_t most);

}  // namespace pc::serve
