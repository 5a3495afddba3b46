#include "tools/weights/weights.h"

#include <fmt/format.h>

#include <string_view>

#include "engine/safetensors_write.h"
#include "kernels/base/bytes.h"
#include "kernels/base/error.h"
#include "kernels/base/file.h"
#include "kernels/base/sha256.h"
#include "kernels/base/text.h"
#include "tools/weights/names.h"
#include "tools/weights/not_weights.h"
#include "tools/weights/pth.h"
#include "tools/weights/pth_write.h"
#include "tools/weights/stacked.h"

namespace pc::weights {
namespace {

// torch.hub's convention: the digits between the last '-' and ".pth" begin the file's SHA-256. Empty where the name has
// none.
std::string promised_hash(const std::filesystem::path& path) {
  if (!is_pth_name(path)) return "";
  const std::string stem = path.stem().string();
  const std::size_t dash = stem.rfind('-');
  const std::string digits = dash == stem.npos ? "" : stem.substr(dash + 1);
  const bool hex = digits.find_first_not_of("0123456789abcdef") == digits.npos;
  return hex && digits.size() >= 8 && digits.size() <= 64 ? digits : "";
}

void check_hash(const std::filesystem::path& path, std::span<const std::byte> bytes, const std::string& promised) {
  const std::string actual = sha256_hex(bytes).substr(0, promised.size());
  if (actual != promised)
    fail(Exit::data,
         fmt::format(
             "{}: its SHA-256 begins with {}, not with {} as its name says: damaged or changed; download it again, or "
             "pass --no-hash-check",
             path.string(), actual, promised));
}

bool has_short_length(std::string_view text) {
  return text.size() >= 8 && text.substr(4, 4) == std::string_view("\0\0\0\0", 4);
}
bool has_brace(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n", 8);
  return first != text.npos && text[first] == '{';
}

}  // namespace

bool looks_like_pth(std::span<const std::byte> bytes) {
  return as_text(bytes).starts_with("PK\x03\x04") || is_stacked(bytes);
}

bool looks_like_safetensors(std::span<const std::byte> bytes) {
  return !looks_like_pth(bytes) && has_short_length(as_text(bytes)) && has_brace(as_text(bytes));
}

bool is_pth_name(const std::filesystem::path& path) {
  const std::string suffix = path.extension().string();
  return equal_ignoring_case(suffix, ".pth") || equal_ignoring_case(suffix, ".pt");
}

AnyWeights parse_weights(std::span<const std::byte> bytes, std::shared_ptr<const void> owner,
                         const std::filesystem::path& path, const WeightOptions& options) {
  const std::string name = path.string();
  const std::string_view text = as_text(bytes);
  // The hash covers every byte that the checksums of the records do.
  const std::string hash = options.check_hash ? promised_hash(path) : "";

  AnyWeights result;
  if (text.starts_with("PK\x03\x04")) {
    result.format = "pth";
    result.file = parse_pth(bytes, std::move(owner), name, {.check_crc = options.check_hash && hash.empty()});
  } else if (is_stacked(bytes)) {
    result.format = "stacked pth";
    result.file = parse_stacked(bytes, std::move(owner), name);
  } else {
    // A header of 35,615 bytes makes a safetensors file begin as gzip does, one of 640 as a pickle: its brace decides.
    const std::string complaint = looks_like_safetensors(bytes) ? "" : not_weights(bytes);
    if (!complaint.empty()) fail(Exit::data, fmt::format("{}: {}", name, complaint));
    if (!has_short_length(text) && !has_brace(text))
      fail(Exit::data, name + ": neither a .pth file of torch.save nor safetensors");
    result.format = "safetensors";
    result.file = parse_safetensors(bytes, std::move(owner), name);
  }
  // Behind the parsers: "truncated" says more than a hash that differs.
  if (!hash.empty()) check_hash(path, bytes, hash);
  use_torchvision_names(result.file, name);
  return result;
}

AnyWeights read_weights(const std::filesystem::path& path, const WeightOptions& options) {
  refuse_folder(path);
  AnyWeights weights;
  weights.file = read_mapped(path, [&](const std::shared_ptr<const MappedFile>& mapped) {
    AnyWeights parsed = parse_weights(mapped->bytes(), mapped, path, options);
    weights.format = std::move(parsed.format);
    return std::move(parsed.file);
  });
  return weights;
}

void write_weights(const std::filesystem::path& path, const WeightFile& file) {
  is_pth_name(path) ? write_pth(path, file) : write_safetensors(path, file);
}

AnyWeights convert_weights(const std::filesystem::path& in, const std::filesystem::path& out,
                           const WeightOptions& options) {
  AnyWeights weights = read_weights(in, options);
  weights.file.metadata.emplace("format",
                                "pt");  // Hugging Face's libraries refuse files that do not name the framework
  write_weights(out, weights.file);
  return weights;
}

}  // namespace pc::weights
