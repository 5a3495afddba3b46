#include "tools/weights/names.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "kernels/base/error.h"
#include "kernels/base/text.h"

namespace pc::weights {
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

bool is_counter(const FileTensor& t) { return t.name == "n_averaged"; }  // of AveragedModel

std::size_t first_part(const std::string& name) { return name.find('.') == name.npos ? 0 : name.find('.') + 1; }

// "model." where every name begins with it and goes on.
std::string common_prefix(const WeightFile& file) {
  std::string prefix;
  for (const FileTensor& t : file.tensors) {
    if (is_counter(t)) continue;
    const std::string own = t.name.substr(0, first_part(t.name));
    if (own.empty() || own.size() == t.name.size() || (!prefix.empty() && own != prefix)) return "";
    prefix = own;
  }
  return prefix;
}

// Tensors that every network of a kind has: torchvision's ResNets, smallcnn, Hugging Face's ResNets.
constexpr std::pair<const char*, const char*> kLandmarks[] = {
    {"conv1.weight", "layer1.0.conv1.weight"},
    {"layer1.conv.weight", "layer4.conv.weight"},
    {"embedder.embedder.convolution.weight", "embedder.embedder.normalization.weight"}};

using Names = std::unordered_set<std::string_view>;

bool is_network(const Names& names, const std::string& prefix) {
  return std::any_of(std::begin(kLandmarks), std::end(kLandmarks), [&](const auto& both) {
    return names.contains(prefix + both.first) && names.contains(prefix + both.second);
  });
}

Names names_of(const WeightFile& file) {
  Names names;
  for (const FileTensor& t : file.tensors) names.insert(t.name);
  return names;
}

// What wraps a network in training code; any other first part may be the network's own.
bool is_wrapper(const std::string& prefix) {
  constexpr std::string_view kWrappers[] = {"module.",  "_orig_mod.", "model.",  "net.",
                                            "network.", "backbone.",  "encoder."};
  return std::find(std::begin(kWrappers), std::end(kWrappers), prefix) != std::end(kWrappers);
}

// A prefix that is common to all names.
void strip_common(WeightFile& file) {
  constexpr int kMostLayers = 8;
  std::string taken;
  for (int layer = 0; layer < kMostLayers; ++layer) {
    const std::string prefix = common_prefix(file);
    if (prefix.empty() || !(is_wrapper(prefix) || is_network(names_of(file), prefix))) break;
    std::erase_if(file.tensors, is_counter);
    for (FileTensor& t : file.tensors) t.name.erase(0, prefix.size());
    taken += prefix;
  }
  if (!taken.empty())
    file.notes.push_back(fmt::format("takes \"{}\" off all {} names", printable(taken), file.tensors.size()));
}

// Of several the first
// whose prefix speaks of an average (EMA), else the first.
std::string network_prefix(const WeightFile& file) {
  const Names names = names_of(file);
  std::string found;
  for (const FileTensor& t : file.tensors)
    for (const auto& [landmark, other] : kLandmarks) {
      if (!t.name.ends_with(std::string(".") + landmark)) continue;
      const std::string prefix = t.name.substr(0, t.name.size() - std::strlen(landmark));
      if (!is_network(names, prefix)) continue;
      if (found.empty() || (prefix.find("ema") != prefix.npos && found.find("ema") == found.npos)) found = prefix;
    }
  return found;
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
  strip_common(file);
  constexpr const char* kStem = "embedder.embedder.convolution.weight";
  if (!file.find(kStem) && !file.find(std::string("resnet.") + kStem)) return;
  std::unordered_set<std::string> names;
  for (FileTensor& t : file.tensors) {
    t.name = from_hugging_face(t.name);
    if (!names.insert(t.name).second)
      fail(Exit::data, fmt::format("{}: two tensors are named \"{}\" in torchvision's terms", path, printable(t.name)));
  }
}

void take_network(WeightFile& file) {
  if (is_network(names_of(file), "")) return;
  const std::string prefix = network_prefix(file);
  if (prefix.empty()) return;
  const std::size_t left_out =
      std::erase_if(file.tensors, [&](const FileTensor& t) { return !t.name.starts_with(prefix); });
  for (FileTensor& t : file.tensors) t.name.erase(0, prefix.size());
  file.notes.push_back(fmt::format("takes the {} tensors below \"{}\" and leaves out the other {}", file.tensors.size(),
                                   printable(prefix), left_out));
}

}  // namespace pc::weights
