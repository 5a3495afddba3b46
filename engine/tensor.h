// Tensor: a dense, row-major array on one device. No strides, no views, no hidden copies.
//
// Copies of a Tensor share its memory. Images are NHWC, filters KRSC (k, r, s, c). An empty Tensor means "no value".
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include "kernels/runtime/dtype.h"
#include "kernels/runtime/memory.h"

namespace pc {

// Sizes of each dimension, outermost first. A scalar has no dimension.
using Shape = std::vector<int64_t>;
int64_t element_count(const Shape& shape);
std::string to_string(const Shape& shape);  // "[64, 20, 15, 64]"

class Tensor {
 public:
  Tensor() = default;
  // Uninitialized.
  Tensor(Shape shape, DType dtype, Device device);
  static Tensor zeros(Shape shape, DType dtype, Device device);
  static Tensor full(Shape shape, float value, Device device);  // f32
  template <class T>
  static Tensor from(Shape shape, const std::vector<T>& values, Device device = Device::cpu);  // float or int32_t
  // Memory kept alive by `owner`, such as a mapped file: never written, never freed here. CPU only.
  static Tensor borrow(Shape shape, DType dtype, const void* data, std::shared_ptr<const void> owner);

  bool empty() const { return !data_; }
  bool unique() const { return owner_.use_count() == 1; }  // no other Tensor shares this memory
  explicit operator bool() const { return !empty(); }
  const Shape& shape() const { return shape_; }
  int64_t dim(int i) const { return shape_.at(std::size_t(i)); }
  int rank() const { return int(shape_.size()); }
  int64_t size() const { return size_; }  // elements
  std::size_t bytes() const { return std::size_t(size_) * size_of(dtype_); }
  DType dtype() const { return dtype_; }
  Device device() const { return device_; }

  void* data() const { return data_; }
  template <class T>
  T* as() const {
    return static_cast<T*>(data_);
  }

  Tensor to(Device device) const;                                 // itself if it is already there
  Tensor clone() const;                                           // own memory, same device
  Tensor reshape(Shape shape) const;                              // same memory; element counts must agree
  Tensor part(std::size_t byte, Shape shape, DType dtype) const;  // same memory, from this byte on
  void copy_from(const Tensor& source);                           // same shape and dtype, any device
  void zero();
  float item() const;  // the value of an f32 scalar; waits for the device
  template <class T>
  std::vector<T> to_vector() const;  // float from f32/bf16/f16, int32_t from i32, uint8_t from u8

 private:
  Shape shape_;
  int64_t size_ = 0;
  DType dtype_ = DType::f32;
  Device device_ = Device::cpu;
  void* data_ = nullptr;
  std::shared_ptr<const void> owner_;
};

}  // namespace pc
