// OnnxGraph: an ONNX model being put together, one node after the other
// (https://github.com/onnx/onnx/blob/main/docs/IR.md).
#pragma once

#include <map>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "tools/weights/protobuf.h"

namespace pc::weights {

// TensorProto.DataType.
enum class OnnxType { f32 = 1, u8 = 2, i64 = 7, f64 = 11 };

constexpr int64_t kOpset = 17;  // of every graph

using Ints = std::vector<int64_t>;
using OnnxAttributes = std::map<std::string, std::variant<int64_t, Ints>>;
using OnnxDims = std::vector<std::variant<int64_t, std::string>>;  // a size, or the name of one that is free

// Values are known by their names. One that is empty or given twice is refused with Error(data), for heads are named by
// the user; `file` stands for the graph in the message.
class OnnxGraph {
 public:
  explicit OnnxGraph(const std::string& file) : file_(file) {}
  std::string input(const std::string& name, OnnxType type, const OnnxDims& dims);
  void output(const std::string& name, OnnxType type, const OnnxDims& dims);

  // Constants: f32 weights under a name of their own, and small numbers.
  std::string weights(const std::string& name, const Tensor& values);
  std::string floats(const std::vector<float>& values, const Shape& shape);
  std::string scalar(float value) { return floats({value}, {}); }
  std::string scalar(double value);
  std::string integer(int64_t value);        // a scalar
  std::string integers(const Ints& values);  // [values.size()]

  // Adds a node and returns the name of its only output: `name`, or one made up.
  std::string node(const std::string& op, const std::vector<std::string>& inputs, const OnnxAttributes& attributes = {},
                   const std::string& name = "");

  // The whole ModelProto.
  ProtobufMessage model(const std::string& description, const std::map<std::string, std::string>& metadata) const;

 private:
  std::string declare(const std::string& name);
  std::string constant(OnnxType type, const Shape& shape, std::string_view bytes);

  std::string file_;
  std::set<std::string> names_;
  std::vector<ProtobufMessage> nodes_, initializers_, inputs_, outputs_;
};

}  // namespace pc::weights
