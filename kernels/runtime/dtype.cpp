#include "kernels/runtime/dtype.h"

#include <array>

#include "kernels/base/error.h"

namespace pc {
namespace {

struct Row {
  const char* name;
  std::size_t size;
};
constexpr std::array<Row, 5> kRows{{{"f32", 4}, {"bf16", 2}, {"f16", 2}, {"u8", 1}, {"i32", 4}}};

}  // namespace

std::size_t size_of(DType t) { return kRows[std::size_t(t)].size; }
const char* name_of(DType t) { return kRows[std::size_t(t)].name; }
const char* name_of(Device d) { return d == Device::cpu ? "cpu" : "cuda"; }

DType dtype_from_name(const std::string& name) {
  for (std::size_t i = 0; i < kRows.size(); ++i)
    if (name == kRows[i].name) return DType(i);
  fail(Exit::usage, "unknown element type \"" + name + "\"; use f32, bf16 or f16");
}

Device device_from_name(const std::string& name) {
  if (name == "cpu") return Device::cpu;
  if (name == "cuda") return Device::cuda;
  fail(Exit::usage, "unknown device \"" + name + "\"; use cpu or cuda");
}

void fail_cpu_dtype(const char* tensor, DType dtype) {
  fail_shape(std::string(tensor) + " is " + name_of(dtype) + ", the CPU takes f32 or bf16");
}

}  // namespace pc
