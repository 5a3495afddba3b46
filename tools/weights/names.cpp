#include "tools/weights/names.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <unordered_set>

#include "kernels/base/error.h"
#include "kernels/base/text.h"

namespace pc {
namespace {

bool take(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

// Digits at the front; empty where there are none.
std::string_view take_number(std::string_view& text) {
  const auto digits = text.substr(0, std::min(text.find_first_not_of("0123456789"), text.size()));
  text.remove_prefix(digits.size());
  return digits;
}

// The digit counted from 1 instead of 0; empty for more than one digit.
std::string next(std::string_view digit) {
  return digit.size() == 1 && digit < "9" ? std::string(1, char(digit[0] + 1)) : "";
}

bool strip(WeightFile& file, std::string_view prefix) {
  const auto wrapped = [&](const FileTensor& t) { return t.name.starts_with(prefix) && t.name.size() > prefix.size(); };
  const auto counts = [](const FileTensor& t) { return t.name == "n_averaged"; };
  auto& tensors = file.tensors;
  if (std::none_of(tensors.begin(), tensors.end(), wrapped)) return false;
  if (!std::all_of(tensors.begin(), tensors.end(), [&](const auto& t) { return wrapped(t) || counts(t); }))
    return false;
  std::erase_if(tensors, counts);
  for (FileTensor& t : tensors) t.name.erase(0, prefix.size());
  return true;
}

// transformers' ResNetForImageClassification and ResNetModel; a name that is not theirs stays as it is.
std::string from_hugging_face(const std::string& name) {
  std::string_view rest = name;
  take(rest, "resnet.");
  if (take(rest, "embedder.embedder.convolution.")) return fmt::format("conv1.{}", rest);
  if (take(rest, "embedder.embedder.normalization.")) return fmt::format("bn1.{}", rest);
  if (take(rest, "classifier.1.")) return fmt::format("fc.{}", rest);
  if (!take(rest, "encoder.stages.")) return name;
  const std::string stage = next(take_number(rest));
  if (stage.empty() || !take(rest, ".layers.")) return name;
  const std::string block = fmt::format("layer{}.{}", stage, take_number(rest));
  if (take(rest, ".shortcut.convolution.")) return fmt::format("{}.downsample.0.{}", block, rest);
  if (take(rest, ".shortcut.normalization.")) return fmt::format("{}.downsample.1.{}", block, rest);
  if (!take(rest, ".layer.")) return name;
  const std::string layer = next(take_number(rest));
  if (!layer.empty() && take(rest, ".convolution.")) return fmt::format("{}.conv{}.{}", block, layer, rest);
  if (!layer.empty() && take(rest, ".normalization.")) return fmt::format("{}.bn{}.{}", block, layer, rest);
  return name;
}

}  // namespace

void use_torchvision_names(WeightFile& file, const std::string& path) {
  while (strip(file, "module.") || strip(file, "_orig_mod.")) {
  }
  constexpr const char* stem = "embedder.embedder.convolution.weight";
  if (!file.find(stem) && !file.find(std::string("resnet.") + stem)) return;
  std::unordered_set<std::string> names;
  for (FileTensor& t : file.tensors) {
    t.name = from_hugging_face(t.name);
    if (!names.insert(t.name).second)
      fail(Exit::data, fmt::format("{}: two tensors are named \"{}\" in torchvision's terms", path, printable(t.name)));
  }
}

}  // namespace pc
