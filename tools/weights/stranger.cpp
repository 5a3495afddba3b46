#include "tools/weights/stranger.h"

#include <algorithm>
#include <cctype>

namespace pc {
namespace {

using namespace std::string_view_literals;

struct Beginning {
  std::string_view bytes;
  const char* complaint;
};

constexpr Beginning beginnings[] = {
    {"version https://git-lfs.github.com/"sv,
     "a Git LFS pointer, not the weights themselves; fetch them with: git lfs pull"},
    {"\x1f\x8b"sv, "a gzip file; unpack it first"},
    {"\xfd"
     "7zXZ"sv,
     "an xz file; unpack it first"},
    {"BZh"sv, "a bzip2 file; unpack it first"},
    {"PK\x05\x06"sv, "an empty zip archive"},
    {"\x89HDF\r\n"sv, "an HDF5 file, as Keras writes; only PyTorch's weights and safetensors are read"},
    {"GGUF"sv, "a GGUF file of llama.cpp; only PyTorch's weights and safetensors are read"},
    {"\x93NUMPY"sv, "a NumPy array; only PyTorch's weights and safetensors are read"},
    {"\xff\xd8\xff"sv, "a JPEG picture, not weights"},
    {"\x89PNG"sv, "a PNG picture, not weights"},
};

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(), [](unsigned char c) { return char(std::tolower(c)); });
  return result;
}

// The field ir_version, below 16, and then the producer's name.
bool is_onnx(std::string_view file) {
  return file.size() > 3 && file[0] == '\x08' && file[1] > 0 && file[1] < 16 && file[2] == '\x12';
}

bool is_bare_pickle(std::string_view file) {
  return file.size() > 1 && file[0] == '\x80' && file[1] >= 0 && file[1] <= 5;
}

}  // namespace

std::string known_stranger(std::string_view file) {
  if (file.empty()) return "an empty file; the download or copy failed: repeat it";
  for (const Beginning& b : beginnings)
    if (file.starts_with(b.bytes)) return b.complaint;
  const std::string head = lower(file.substr(0, 512));
  const std::size_t first = std::min(head.find_first_not_of("\xef\xbb\xbf \t\r\n"), head.size());
  const std::string_view start = std::string_view(head).substr(first);
  if (start.starts_with("<!doctype") || start.starts_with("<html") || start.starts_with("<?xml"))
    return "a web page, not weights: the download was answered by a site's page; open the address in a browser to see "
           "why";
  if (start.starts_with("{") || start.starts_with("["))
    return "JSON text, not weights: a configuration, an index of parts or a site's error; look into it";
  if (file.size() > 512 && file.substr(257, 5) == "ustar")
    return "a tar archive, as torch.save wrote them until 2017; save it again with torch.save from PyTorch 1.6 or "
           "newer";
  if (is_onnx(file)) return "an ONNX graph, which is only written here; take the .safetensors or .pth file that it was made from";
  if (is_bare_pickle(file))
    return "a bare pickle, not a file of torch.save; it is not read, since pickles can hold programs";
  return "";
}

}  // namespace pc
