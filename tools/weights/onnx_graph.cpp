// The field numbers are those of onnx.proto; the names of the messages they belong to stand above them.
#include "tools/weights/onnx_graph.h"

#include <fmt/format.h>

#include "kernels/base/error.h"
#include "kernels/base/text.h"

namespace pc::weights {
namespace {

constexpr int64_t kIrVersion = 8;

template <class T>
std::string_view bytes_of(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

// ValueInfoProto
ProtobufMessage value_info(const std::string& name, OnnxType type, const OnnxDims& dims) {
  ProtobufMessage shape, tensor, any;
  for (const auto& dim : dims) {
    ProtobufMessage d;  // TensorShapeProto.Dimension
    if (const auto* size = std::get_if<int64_t>(&dim))
      d.number(1, *size);
    else
      d.text(2, std::get<std::string>(dim));
    shape.message(1, std::move(d));
  }
  tensor.number(1, int64_t(type)).message(2, std::move(shape));  // TypeProto.Tensor
  any.message(1, std::move(tensor));                             // TypeProto
  ProtobufMessage info;
  return info.text(1, name).message(2, std::move(any));
}

// TensorProto without its data.
ProtobufMessage tensor_head(const std::string& name, OnnxType type, const Shape& shape) {
  ProtobufMessage tensor;
  for (const int64_t d : shape) tensor.number(1, d);
  return tensor.number(2, int64_t(type)).text(8, name);
}

// AttributeProto
ProtobufMessage attribute(const std::string& name, const std::variant<int64_t, Ints>& value) {
  constexpr int64_t kIntType = 2, kIntsType = 7;
  ProtobufMessage a;
  a.text(1, name);
  if (const auto* one = std::get_if<int64_t>(&value)) return a.number(3, *one).number(20, kIntType);
  for (const int64_t i : std::get<Ints>(value)) a.number(8, i);
  return a.number(20, kIntsType);
}

}  // namespace

std::string OnnxGraph::declare(const std::string& name) {
  if (name.empty() || !names_.insert(name).second)
    fail(Exit::data,
         fmt::format("{}: no output can be named \"{}\": that is empty or a name within the graph; rename the "
                     "head's label column",
                     file_, printable(name)));
  return name;
}

std::string OnnxGraph::input(const std::string& name, OnnxType type, const OnnxDims& dims) {
  inputs_.push_back(value_info(declare(name), type, dims));
  return name;
}

void OnnxGraph::output(const std::string& name, OnnxType type, const OnnxDims& dims) {
  outputs_.push_back(value_info(name, type, dims));
}

std::string OnnxGraph::weights(const std::string& name, const Tensor& values) {
  initializers_.push_back(tensor_head(declare(name), OnnxType::f32, values.shape()).bytes(9, values));
  return name;
}

std::string OnnxGraph::constant(OnnxType type, const Shape& shape, std::string_view bytes) {
  const std::string name = declare(fmt::format("/constant_{}", initializers_.size()));
  initializers_.push_back(tensor_head(name, type, shape).text(9, bytes));
  return name;
}

std::string OnnxGraph::floats(const std::vector<float>& values, const Shape& shape) {
  return constant(OnnxType::f32, shape, bytes_of(values));
}
std::string OnnxGraph::scalar(double value) { return constant(OnnxType::f64, {}, bytes_of(std::vector{value})); }
std::string OnnxGraph::integer(int64_t value) { return constant(OnnxType::i64, {}, bytes_of(Ints{value})); }
std::string OnnxGraph::integers(const Ints& values) {
  return constant(OnnxType::i64, {int64_t(values.size())}, bytes_of(values));
}

std::string OnnxGraph::node(const std::string& op, const std::vector<std::string>& inputs,
                            const OnnxAttributes& attributes, const std::string& name) {
  const std::string out = declare(name.empty() ? fmt::format("/{}_{}", op, nodes_.size()) : name);
  ProtobufMessage node;  // NodeProto
  for (const std::string& in : inputs) node.text(1, in);
  node.text(2, out).text(3, out).text(4, op);
  for (const auto& [key, value] : attributes) node.message(5, attribute(key, value));
  nodes_.push_back(std::move(node));
  return out;
}

ProtobufMessage OnnxGraph::model(const std::string& description,
                                 const std::map<std::string, std::string>& metadata) const {
  ProtobufMessage graph, operators, model;
  for (const ProtobufMessage& node : nodes_) graph.message(1, node);  // GraphProto
  graph.text(2, "pc");
  for (const ProtobufMessage& initializer : initializers_) graph.message(5, initializer);
  for (const ProtobufMessage& input : inputs_) graph.message(11, input);
  for (const ProtobufMessage& output : outputs_) graph.message(12, output);
  operators.text(1, "").number(2, kOpset);                                // OperatorSetIdProto
  model.number(1, kIrVersion).text(2, "pcconvert").text(6, description);  // ModelProto
  model.message(7, std::move(graph)).message(8, std::move(operators));
  for (const auto& [key, value] : metadata) {
    ProtobufMessage entry;  // StringStringEntryProto
    model.message(14, std::move(entry.text(1, key).text(2, value)));
  }
  return model;
}

}  // namespace pc::weights
