#include "engine/state.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstring>
#include <set>

#include "engine/safetensors_write.h"
#include "kernels/base/error.h"
#include "kernels/base/parallel.h"

namespace pc {
namespace {

// y[a][c][b] = x[a][b][c]
Tensor swap_inner(const Tensor& x, Shape shape, int64_t outer, int64_t rows, int64_t columns) {
  Tensor y(std::move(shape), DType::f32, Device::cpu);
  parallel_for(outer, 16, [&](int64_t begin, int64_t end) {
    for (int64_t a = begin; a < end; ++a)
      for (int64_t c = 0; c < columns; ++c)
        for (int64_t b = 0; b < rows; ++b)
          y.as<float>()[(a * columns + c) * rows + b] = x.as<float>()[(a * rows + b) * columns + c];
  });
  return y;
}

bool is_counter(const std::string& name) { return name.ends_with("num_batches_tracked"); }

Shape file_shape(const Tensor& t) {
  const Shape& s = t.shape();
  return s.size() == 4 ? Shape{s[0], s[3], s[1], s[2]} : s;
}

std::string some(const char* what, const std::vector<std::string>& names) {
  if (names.empty()) return "";
  const auto end = names.begin() + std::min<std::ptrdiff_t>(5, std::ptrdiff_t(names.size()));
  return fmt::format("; {} {} ({}{})", names.size(), what, fmt::join(names.begin(), end, ", "),
                     names.size() > 5 ? ", …" : "");
}

}  // namespace

Tensor oihw_to_krsc(const Tensor& x) {
  const int64_t k = x.dim(0), c = x.dim(1), r = x.dim(2), s = x.dim(3);
  return swap_inner(x, {k, r, s, c}, k, c, r * s);
}

Tensor krsc_to_oihw(const Tensor& x) {
  const int64_t k = x.dim(0), r = x.dim(1), s = x.dim(2), c = x.dim(3);
  return swap_inner(x, {k, c, r, s}, k, r * s, c);
}

std::vector<FileTensor> state_dict(Module& module) {
  std::vector<FileTensor> tensors;
  module.visit("", [&](const std::string& name, Var& value, Role) {
    Tensor t = value.value().to(Device::cpu);
    t = t.rank() == 4 ? krsc_to_oihw(t) : t.clone();
    tensors.push_back({.name = name,
                       .type = FileType::f32,
                       .shape = t.shape(),
                       .data = t.as<std::byte>(),
                       .owner = std::make_shared<Tensor>(t)});
  });
  return tensors;
}

LoadReport load_state_dict(Module& module, const WeightFile& file) {
  LoadReport report;
  std::set<std::string> known;
  module.visit("", [&](const std::string& name, Var& value, Role) {
    known.insert(name);
    const FileTensor* found = file.find(name);
    if (!found) {
      report.missing.push_back(name);
      return;
    }
    const Shape wanted = file_shape(value.value());
    if (found->shape != wanted) {
      report.misshaped.push_back(fmt::format("{} {} into {}", name, found->shape, wanted));
      return;
    }
    Tensor t = found->tensor();
    if (t.rank() == 4) t = oihw_to_krsc(t);
    // Own memory: an optimizer must never write to a mapped file. Clones only if the tensor still shares the file's
    // memory.
    value.set_value(value.value().device() == Device::cpu ? (t.unique() ? t : t.clone())
                                                          : t.to(value.value().device()));
    ++report.loaded;
  });
  file.check_unchanged();
  for (const FileTensor& t : file.tensors)
    if (!known.contains(t.name) && !is_counter(t.name)) report.unexpected.push_back(t.name);
  return report;
}

void save_state(const std::filesystem::path& path, Module& module, const std::map<std::string, std::string>& metadata) {
  const WeightFile file{.tensors = state_dict(module), .metadata = metadata};
  for (const FileTensor& t : file.tensors)
    if (const int64_t count = count_nonfinite(t); count > 0)
      fail(Exit::numeric, fmt::format("{}: not written: {} of {} values of {} are not finite; the training diverged",
                                      path.string(), count, t.size(), t.name));
  write_safetensors(path, file);
}

std::string describe(const LoadReport& report) {
  return fmt::format("{} tensors loaded", report.loaded) + some("missing", report.missing) +
         some("unexpected", report.unexpected) + some("of another shape", report.misshaped);
}

void load_strict(Module& module, const WeightFile& file, const std::string& path) {
  const LoadReport report = load_state_dict(module, file);
  if (!report.complete()) fail(Exit::data, path + ": weights of another model: " + describe(report));
}

}  // namespace pc
