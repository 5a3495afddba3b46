#include "tools/weights/description.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>

#include "kernels/base/text.h"
#include "tools/cli/json.h"

namespace pc::weights {
namespace {

struct Total {
  std::size_t tensors = 0, bytes = 0;
  int64_t elements = 0, nonfinite = 0;
};

// Where element `index` lies: "[3, 0, 1, 2]".
std::string position(int64_t index, const Shape& shape) {
  Shape at(shape.size());
  for (std::size_t i = shape.size(); i-- > 0; index /= shape[i]) at[i] = index % shape[i];
  return to_string(at);
}

std::string value_text(const FileTensor& t, std::size_t byte) {
  std::string text;
  for_each_value(t.type, t.data + byte, 1, [&](auto value) { text = fmt::format("{}", value); });
  for (std::size_t i = size_of(t.type); i-- > 0;)
    text += fmt::format("{}{:02x}", i + 1 == size_of(t.type) ? " (0x" : "", uint8_t(t.data[byte + i]));
  return text + ")";
}

// Empty where a and b are equal to the bit.
std::string difference(const FileTensor& a, const FileTensor& b) {
  if (a.type != b.type) return fmt::format("{} against {}", name_of(a.type), name_of(b.type));
  if (a.shape != b.shape) return fmt::format("shape {} against {}", to_string(a.shape), to_string(b.shape));
  if (a.bytes() == 0 || std::memcmp(a.data, b.data, a.bytes()) == 0) return "";
  const std::size_t element = size_of(a.type);
  std::size_t first = 0, count = 0;
  for (std::size_t i = a.bytes(); i > 0; i -= element)
    if (std::memcmp(a.data + i - element, b.data + i - element, element) != 0) first = i - element, ++count;
  return fmt::format("{} of {} elements differ, first {}: {} against {}", count, a.size(),
                     position(int64_t(first / element), a.shape), value_text(a, first), value_text(b, first));
}

}  // namespace

TensorStatistics statistics(const FileTensor& tensor) {
  TensorStatistics s;
  double sum = 0;
  for_each_value(tensor.type, tensor.data, tensor.size(), [&](auto stored) {
    const double value = double(stored);
    if (!std::isfinite(value)) return void(++s.nonfinite);
    s.min = std::min(s.min, value);
    s.max = std::max(s.max, value);
    sum += value;
  });
  if (tensor.size() > s.nonfinite) s.mean = sum / double(tensor.size() - s.nonfinite);
  return s;
}

std::string describe(const std::string& path, const AnyWeights& weights) {
  std::size_t name_width = 4, shape_width = 5;
  for (const FileTensor& t : weights.file.tensors) {
    name_width = std::max(name_width, printable(t.name).size());
    shape_width = std::max(shape_width, to_string(t.shape).size());
  }
  std::string text = fmt::format("{:{}}  {:5}  {:{}}  {:>12}  {:>12}  {:>12}  {:>10}\n", "name", name_width, "dtype",
                                 "shape", shape_width, "min", "mean", "max", "non-finite");
  Total total;
  for (const FileTensor& t : weights.file.tensors) {
    const TensorStatistics s = statistics(t);
    const bool any = s.min <= s.max;
    const auto number = [any](double value) { return any ? fmt::format("{:.5g}", value) : "-"; };
    text += fmt::format("{:{}}  {:5}  {:{}}  {:>12}  {:>12}  {:>12}  {:>10}\n", printable(t.name), name_width,
                        name_of(t.type), to_string(t.shape), shape_width, number(s.min), number(s.mean), number(s.max),
                        s.nonfinite);
    total = {total.tensors + 1, total.bytes + t.bytes(), total.elements + t.size(), total.nonfinite + s.nonfinite};
  }
  for (const auto& [key, value] : weights.file.metadata)
    text += fmt::format("metadata {}: {}\n", printable(key), printable(value));
  return text + fmt::format("{} ({}): {} tensors, {} elements, {} bytes, {} non-finite\n", printable(path),
                            weights.format, total.tensors, total.elements, total.bytes, total.nonfinite);
}

std::string describe_json(const std::string& path, const AnyWeights& weights) {
  using Json = nlohmann::ordered_json;
  Json tensors = Json::array();
  Total total;
  for (const FileTensor& t : weights.file.tensors) {
    const TensorStatistics s = statistics(t);
    const auto number = [any = s.min <= s.max](double value) { return any ? Json(value) : Json(nullptr); };
    tensors.push_back({{"name", t.name},
                       {"dtype", name_of(t.type)},
                       {"shape", t.shape},
                       {"min", number(s.min)},
                       {"mean", number(s.mean)},
                       {"max", number(s.max)},
                       {"nonfinite", s.nonfinite}});
    total = {total.tensors + 1, total.bytes + t.bytes(), total.elements + t.size(), total.nonfinite + s.nonfinite};
  }
  const Json json = {{"file", path},
                     {"format", weights.format},
                     {"metadata", weights.file.metadata},
                     {"tensors", tensors},
                     {"total",
                      {{"tensors", total.tensors},
                       {"elements", total.elements},
                       {"bytes", total.bytes},
                       {"nonfinite", total.nonfinite}}}};
  return cli::one_line(json) + "\n";
}

std::vector<std::string> differences(const WeightFile& a, const WeightFile& b) {
  std::map<std::string, std::pair<const FileTensor*, const FileTensor*>> names;
  for (const FileTensor& t : a.tensors) names[t.name].first = &t;
  for (const FileTensor& t : b.tensors) names[t.name].second = &t;
  std::vector<std::string> lines;
  for (const auto& [name, pair] : names) {
    const auto [left, right] = pair;
    const std::string what = !left    ? "only in the second file"
                             : !right ? "only in the first file"
                                      : difference(*left, *right);
    if (!what.empty()) lines.push_back(fmt::format("{}: {}", printable(name), what));
  }
  return lines;
}

}  // namespace pc::weights
