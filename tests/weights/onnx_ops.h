// The ops that onnx_eval.h's graphs are made of.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/weights/onnx_eval.h"
#include "tests/weights/onnx_wire.h"

namespace pc::test {

using Dims = std::vector<int64_t>;

void require(bool good, const std::string& what);  // else throws
int64_t count(const Dims& dims);

// A node with its attributes; those that no op asked for are an error.
class OnnxNode {
 public:
  explicit OnnxNode(const WireMessage& proto);
  int64_t integer(const std::string& name, std::optional<int64_t> absent = {});
  Dims integers(const std::string& name, const Dims& absent);
  void all_taken() const;
  const std::string op;
  std::vector<std::string> inputs, outputs;

 private:
  std::map<std::string, Dims> attributes_;
};

OnnxValue evaluate(OnnxNode& node, const std::vector<const OnnxValue*>& in);

}  // namespace pc::test
