// Writes messages of protocol buffers, as far as ONNX and TensorBoard need them (https://protobuf.dev/programming-guides/encoding).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/tensor.h"
#include "kernels/base/file.h"

namespace pc {

// One message: its fields in the order they were added. Tensors are borrowed until write(), never copied.
class ProtobufMessage {
 public:
  ProtobufMessage& number(int field, int64_t value);
  ProtobufMessage& f32(int field, float value);
  ProtobufMessage& f64(int field, double value);
  ProtobufMessage& text(int field, std::string_view value);  // bytes too
  ProtobufMessage& bytes(int field, const Tensor& values);   // as they lie in memory, on the CPU
  ProtobufMessage& message(int field, ProtobufMessage value);

  std::size_t size() const { return size_; }  // bytes
  void write(const FileSink& sink) const;
  std::string serialized() const;

 private:
  struct Piece {
    std::string own;
    Tensor borrowed;
  };
  std::string& own();
  void varint(uint64_t value);
  void prefix(int field, std::size_t bytes);
  void add(std::string_view value);

  std::vector<Piece> pieces_;
  std::size_t size_ = 0;
};

}  // namespace pc
