#include "tools/weights/weights.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <string_view>

#include "engine/file.h"
#include "kernels/runtime/error.h"
#include "tools/weights/pth.h"
#include "tools/weights/sha256.h"

namespace pc {
namespace {

using namespace std::string_view_literals;

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(), [](unsigned char c) { return char(std::tolower(c)); });
  return result;
}

// torch.hub's convention: the digits between the last '-' and ".pth" begin the file's SHA-256. Empty where the name has
// none.
std::string promised_hash(const std::filesystem::path& path) {
  if (path.extension() != ".pth" && path.extension() != ".pt") return "";
  const std::string stem = path.stem().string();
  const std::size_t dash = stem.rfind('-');
  const std::string digits = dash == stem.npos ? "" : stem.substr(dash + 1);
  const bool hex = digits.find_first_not_of("0123456789abcdef") == digits.npos;
  return hex && digits.size() >= 8 && digits.size() <= 64 ? digits : "";
}

void check_hash(const std::filesystem::path& path, std::span<const std::byte> bytes) {
  const std::string promised = promised_hash(path);
  if (promised.empty()) return;
  const std::string actual = sha256_hex(bytes).substr(0, promised.size());
  if (actual != promised)
    fail(Exit::data,
         fmt::format(
             "{}: its SHA-256 begins with {}, not with {} as its name says: damaged or changed; download it again, or "
             "pass --no-hash-check",
             path.string(), actual, promised));
}

// What people hand over in place of weights. Returns the complaint, empty where the file may be a weight file.
std::string known_stranger(std::string_view text) {
  const std::string head = lower(text.substr(0, 512));
  const std::size_t first = head.find_first_not_of(" \t\r\n");
  const std::string_view start = first == head.npos ? ""sv : std::string_view(head).substr(first);
  if (text.empty()) return "an empty file";
  if (start.starts_with("<!doctype") || start.starts_with("<html") || start.starts_with("<?xml"))
    return "a web page, not weights: the download was answered by a site's page; open the address in a browser to see "
           "why";
  if (text.starts_with("version https://git-lfs.github.com/"))
    return "a Git LFS pointer, not the weights themselves; fetch them with: git lfs pull";
  if (text.size() > 512 && text.substr(257, 5) == "ustar")
    return "a tar archive, as torch.save wrote them until 2017; save it again with torch.save from PyTorch 1.6 or "
           "newer";
  if (text.starts_with("\x80\x02\x8a\x0al\xfc\x9c\x46\xf9 j\xa8P\x19"sv))
    return "the old stacked form of torch.save; re-save with torch.save(torch.load(FILE), NEW) from PyTorch 1.6 or "
           "newer";
  if (text.starts_with("\x80") && text.size() > 1 && text[1] >= 2 && text[1] <= 5)
    return "a bare pickle, not a file of torch.save; it is not read, since pickles can hold programs";
  if (text.starts_with("\x1f\x8b")) return "a gzip file; unpack it first";
  if (text.starts_with("PK\x05\x06")) return "an empty zip archive";
  return "";
}

void strip_module_prefix(WeightFile& file) {
  constexpr std::string_view prefix = "module.";
  const auto wrapped = [&](const FileTensor& t) { return t.name.starts_with(prefix) && t.name.size() > prefix.size(); };
  if (!std::all_of(file.tensors.begin(), file.tensors.end(), wrapped)) return;
  for (FileTensor& t : file.tensors) t.name.erase(0, prefix.size());
}

}  // namespace

AnyWeights read_weights(const std::filesystem::path& path, const WeightOptions& options) {
  const auto mapped = MappedFile::open(path);
  const auto bytes = mapped->bytes();
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (const std::string complaint = known_stranger(text); !complaint.empty())
    fail(Exit::data, fmt::format("{}: {}", path.string(), complaint));

  AnyWeights result;
  if (text.starts_with("PK\x03\x04")) {
    result.format = "pth";
    result.file = parse_pth(bytes, mapped, path.string(), {.check_crc = options.check_hash});
  } else if (const auto brace = text.find_first_not_of(" \t\r\n", 8); brace != text.npos && text[brace] == '{') {
    result.format = "safetensors";
    result.file = parse_safetensors(bytes, mapped, path.string());
  } else {
    fail(Exit::data, path.string() + ": neither a .pth file of torch.save nor safetensors");
  }
  // Behind the parsers: "truncated" says more than a hash that differs.
  if (options.check_hash) check_hash(path, bytes);
  strip_module_prefix(result.file);
  return result;
}

AnyWeights convert_weights(const std::filesystem::path& in, const std::filesystem::path& out,
                           const WeightOptions& options) {
  AnyWeights weights = read_weights(in, options);
  weights.file.metadata.emplace("format", "pt");  // Hugging Face's libraries refuse files that do not name the framework
  write_safetensors(out, weights.file);
  return weights;
}

}  // namespace pc
