// An ONNX interpreter for the graphs that are exported here: each op as plain loops in f64, with the attributes and
// defaults of https://onnx.ai/onnx/operators (opset 17). It throws std::runtime_error for what it does not know and for
// what the format does not allow.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace pc::test {

// TensorProto.DataType.
enum class OnnxKind { none = 0, f32 = 1, u8 = 2, i64 = 7, boolean = 9, f64 = 11 };

// Row-major. Every value is one that its kind can hold.
struct OnnxValue {
  OnnxKind kind = OnnxKind::none;
  std::vector<int64_t> dims;
  std::vector<double> v;
};

struct OnnxModel {
  explicit OnnxModel(std::string file_bytes);
  // The outputs by name; checks shapes and types of input and outputs against what the graph declares.
  std::map<std::string, OnnxValue> run(const OnnxValue& input) const;

  std::string bytes;
  std::vector<std::string> outputs;
  std::map<std::string, std::string> metadata;
};

}  // namespace pc::test
