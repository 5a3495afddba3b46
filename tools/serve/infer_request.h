// The body of a KServe v2 inference request:
// https://kserve.github.io/website/docs/concepts/architecture/data-plane/v2-protocol
//
// One input. "image", UINT8 [n,h,w,3]: the pixels of n pictures, "data" flat or nested. "file", BYTES [n]: n JPEG, PNG
// or WebP files, each a base64 string in "data", since JSON cannot hold bytes. An input with the parameter
// "binary_data_size" has no "data": its bytes follow the JSON, each file after its length in four bytes, the lowest
// first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data/image.h"

namespace pc::serve {

struct RequestedOutput {
  std::string name;
  std::optional<bool> binary = std::nullopt;  // absent: as InferRequest::binary_outputs
};

struct InferRequest {
  std::string id;                             // "" where absent
  std::vector<data::Image> images;            // of an "image" input
  std::vector<std::vector<std::byte>> files;  // of a "file" input
  std::vector<RequestedOutput> outputs;       // empty: all of them
  bool binary_outputs = false;
};

// `binary`: what follows the JSON. Throws Error(data) for what is no such request, with the place of broken JSON;
// Error(limit) for more than `most` pictures. Parameters that are not known are passed over, but those that ask for
// another kind of answer (classification, shared memory) are refused, as is whatever is not known elsewhere.
InferRequest parse_infer_request(std::string_view json, std::size_t most, std::string_view binary = {});

}  // namespace pc::serve
