#include "tools/weights/not_weights.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "data/file_type_hint.h"
#include "kernels/base/directory.h"
#include "kernels/base/error.h"
#include "kernels/base/file.h"

namespace pc::weights {
namespace {

using namespace std::string_view_literals;
namespace fs = std::filesystem;

constexpr const char* kModel = "model.safetensors";

struct Beginning {
  std::string_view bytes;
  const char* what;
};

constexpr Beginning kBeginnings[] = {
    {"PK\x05\x06"sv, "it is an empty zip archive"},
    {"\x89HDF\r\n"sv, "it is an HDF5 file, as Keras writes; only PyTorch's weights and safetensors are read"},
    {"GGUF"sv, "it is a GGUF file of llama.cpp; only PyTorch's weights and safetensors are read"},
    {"\x93NUMPY"sv, "it is a NumPy array; only PyTorch's weights and safetensors are read"},
};

// Behind a byte order mark and white space.
std::string_view first_word(std::string_view text) {
  return text.substr(std::min(text.find_first_not_of("\xef\xbb\xbf \t\r\n"), text.size()));
}

// INI files begin with lines of these.
std::string_view after_comments(std::string_view text) {
  while (text.starts_with('#') || text.starts_with(';'))
    text = first_word(text.substr(std::min(text.find('\n'), text.size())));
  return text;
}

// The field ir_version, below 16, and then the producer's name.
bool is_onnx(std::string_view file) {
  return file.size() > 3 && file[0] == '\x08' && file[1] > 0 && file[1] < 16 && file[2] == '\x12';
}

// "[section]" alone in its first line. JSON's arrays of words have quotes.
bool is_ini(std::string_view text) {
  const std::string_view line = text.substr(0, text.find_first_of("\r\n"));
  return line.size() > 2 && line.front() == '[' && line.back() == ']' && line.find_first_of("\"[{", 1) == line.npos &&
         !(line[1] >= '0' && line[1] <= '9') && line[1] != '-';
}

bool is_bare_pickle(std::string_view file) {
  return file.size() > 1 && file[0] == '\x80' && file[1] >= 0 && file[1] <= 5;
}

std::string describe(std::string_view file) {
  for (const Beginning& b : kBeginnings)
    if (file.starts_with(b.bytes)) return b.what;
  const std::string_view text = after_comments(first_word(file));
  if (text.starts_with("<?xml"))
    return "it is XML: a site's answer was saved in its place; open the address in a browser to see why";
  if (text.starts_with("{") || text.starts_with("["))
    return is_ini(text) ? "it is an INI file, a configuration for pctrain"
                        : "it is JSON text: a configuration, an index of parts or a site's error; look into it";
  if (file.size() > 512 && file.substr(257, 5) == "ustar")
    return "it is a tar archive, as torch.save wrote them until 2017; save it again with torch.save from PyTorch 1.6 "
           "or newer";
  if (is_onnx(file))
    return "it is an ONNX graph, which is only written here; take the .safetensors or .pth file that it was made from";
  if (is_bare_pickle(file))
    return "it is a bare pickle, not a file of torch.save; it is not read, since pickles can hold programs";
  return data::file_type_hint(std::as_bytes(std::span(file)));
}

}  // namespace

std::string what_instead(std::span<const std::byte> file) {
  return describe({reinterpret_cast<const char*>(file.data()), file.size()});
}

std::string with_way_out(const std::string& what, const std::string& way_out) {
  if (what.empty()) return way_out;
  return what.find(';') == what.npos ? what + "; " + way_out : what;
}

std::string not_weights(std::span<const std::byte> file) {
  const std::string what = what_instead(file);
  return what.empty() ? "" : "not weights; " + with_way_out(what, "expected a .pth of torch.save, or safetensors");
}

void refuse_folder(const fs::path& path) {
  if (!is_folder(path)) return;
  const std::string begin = path.string() + ": a directory";
  if (is_file(path / kModel)) fail(Exit::file, fmt::format("{}; its model is {}", begin, (path / kModel).string()));
  if (is_file(path / "last" / "checkpoint.safetensors"))
    fail(Exit::file, begin + " of a training run that is not finished; run pctrain again to finish it");
  for (const fs::path& run : list_folder(path))
    if (is_file(run / kModel))
      fail(Exit::file, fmt::format("{}; name a model in it, such as {}", begin, (run / kModel).string()));
  fail(Exit::file, begin + ", in which no model.safetensors is; name a file");
}

}  // namespace pc::weights
