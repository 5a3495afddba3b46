#include "engine/tensor.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstring>

#include "kernels/base/error.h"
#include "kernels/cast/cast.h"
#include "kernels/runtime/select.h"

namespace pc {

int64_t element_count(const Shape& shape) {
  int64_t count = 1;
  for (int64_t d : shape) count *= d;
  return count;
}

std::string to_string(const Shape& shape) { return fmt::format("{}", shape); }

Tensor::Tensor(Shape shape, DType dtype, Device device)
    : shape_(std::move(shape)), size_(element_count(shape_)), dtype_(dtype), device_(device) {
  auto buffer = std::make_shared<Buffer>(device, std::max<std::size_t>(bytes(), 1));
  data_ = buffer->data();
  owner_ = std::move(buffer);
}

Tensor Tensor::zeros(Shape shape, DType dtype, Device device) {
  Tensor t(std::move(shape), dtype, device);
  t.zero();
  return t;
}

Tensor Tensor::full(Shape shape, float value, Device device) {
  const auto count = std::size_t(element_count(shape));
  return from(std::move(shape), std::vector<float>(count, value), device);
}

template <class T>
Tensor Tensor::from(Shape shape, const std::vector<T>& values, Device device) {
  Tensor t(std::move(shape),
           std::is_same_v<T, float>     ? DType::f32
           : std::is_same_v<T, uint8_t> ? DType::u8
                                        : DType::i32,
           device);
  if (std::size_t(t.size()) != values.size())
    fail_shape(fmt::format("Tensor::from: {} values for shape {}", values.size(), t.shape()));
  memory::copy(device, t.data(), Device::cpu, values.data(), t.bytes());
  return t;
}
template Tensor Tensor::from(Shape, const std::vector<float>&, Device);
template Tensor Tensor::from(Shape, const std::vector<int32_t>&, Device);
template Tensor Tensor::from(Shape, const std::vector<uint8_t>&, Device);

Tensor Tensor::borrow(Shape shape, DType dtype, const void* data, std::shared_ptr<const void> owner) {
  Tensor t;
  t.shape_ = std::move(shape);
  t.size_ = element_count(t.shape_);
  t.dtype_ = dtype;
  t.data_ = const_cast<void*>(data);
  t.owner_ = std::move(owner);
  return t;
}

Tensor Tensor::to(Device device) const {
  if (empty() || device == device_) return *this;
  Tensor t(shape_, dtype_, device);
  t.copy_from(*this);
  return t;
}

Tensor Tensor::clone() const {
  Tensor t(shape_, dtype_, device_);
  t.copy_from(*this);
  return t;
}

Tensor Tensor::reshape(Shape shape) const {
  if (element_count(shape) != size_) fail_shape(fmt::format("reshape: {} into {}", shape_, shape));
  Tensor t = *this;
  t.shape_ = std::move(shape);
  return t;
}

Tensor Tensor::part(std::size_t byte, Shape shape, DType dtype) const {
  Tensor t = *this;
  t.shape_ = std::move(shape);
  t.size_ = element_count(t.shape_);
  t.dtype_ = dtype;
  t.data_ = as<char>() + byte;
  if (byte + t.bytes() > bytes())
    fail_shape(fmt::format("part: bytes {} to {} of {}", byte, byte + t.bytes(), bytes()));
  return t;
}

void Tensor::copy_from(const Tensor& source) {
  if (source.shape_ != shape_ || source.dtype_ != dtype_)
    fail_shape(
        fmt::format("copy_from: {} {} into {} {}", name_of(source.dtype_), source.shape_, name_of(dtype_), shape_));
  memory::copy(device_, data_, source.device_, source.data_, bytes());
}

void Tensor::zero() { memory::zero(device_, data_, bytes()); }

float Tensor::item() const {
  if (size_ != 1 || dtype_ != DType::f32) fail_shape(fmt::format("item: {} {}", name_of(dtype_), shape_));
  float value;
  memory::copy(Device::cpu, &value, device_, data_, sizeof value);
  return value;
}

template <class T>
std::vector<T> Tensor::to_vector() const {
  constexpr DType want = std::is_same_v<T, float> ? DType::f32 : std::is_same_v<T, uint8_t> ? DType::u8 : DType::i32;
  Tensor t = *this;
  if (want == DType::f32 && dtype_ != DType::f32) {
    t = Tensor(shape_, want, device_);
    PC_KERNELS(cast, device_).forward(size_, dtype_, data_, want, t.data_);
  } else if (dtype_ != want) {
    fail_shape(fmt::format("to_vector: {} read as {}", name_of(dtype_), name_of(want)));
  }
  std::vector<T> values(std::size_t(t.size_));
  memory::copy(Device::cpu, values.data(), t.device_, t.data_, t.bytes());
  return values;
}
template std::vector<float> Tensor::to_vector() const;
template std::vector<int32_t> Tensor::to_vector() const;
template std::vector<uint8_t> Tensor::to_vector() const;

}  // namespace pc
