#include "tests/weights/onnx_eval.h"

#include <fmt/format.h>

#include <cstring>

#include "tests/weights/onnx_ops.h"

namespace pc::test {
namespace {

using Kind = OnnxKind;
using Value = OnnxValue;

template <class T>
std::vector<double> numbers_of(std::string_view raw) {
  require(raw.size() % sizeof(T) == 0, "raw_data is not whole elements");
  std::vector<double> list;
  for (std::size_t i = 0; i < raw.size(); i += sizeof(T)) {
    T value;
    std::memcpy(&value, raw.data() + i, sizeof value);
    list.push_back(double(value));
  }
  return list;
}

Value tensor_of(const WireMessage& proto) {
  Value t{Kind(proto.integer(2)), proto.integers(1), {}};
  const std::string_view raw = proto.view(9);
  if (t.kind == Kind::f32) t.v = numbers_of<float>(raw);
  if (t.kind == Kind::f64) t.v = numbers_of<double>(raw);
  if (t.kind == Kind::i64) t.v = numbers_of<int64_t>(raw);
  require(int64_t(t.v.size()) == count(t.dims), proto.text(8) + " has other dims than data");
  return t;
}

// Checks a tensor against its ValueInfoProto; a size with a name is the same wherever the name is.
void check_declared(const WireMessage& info, const Value& value, std::map<std::string, int64_t>& named) {
  const WireMessage tensor(WireMessage(info.view(2)).view(1));  // TypeProto.Tensor
  const std::string name = info.text(1);
  require(Kind(tensor.integer(1)) == value.kind, name + " is declared with another type");
  const auto dims = WireMessage(tensor.view(2)).all(1);
  require(dims.size() == value.dims.size(), name + " is declared with another rank");
  for (std::size_t i = 0; i < dims.size(); ++i) {
    const WireMessage dim(dims[i]);
    const std::string symbol = dim.text(2);
    const int64_t size = symbol.empty() ? dim.integer(1, -1) : named.emplace(symbol, value.dims[i]).first->second;
    require(size == value.dims[i], fmt::format("{} is declared with {} at {}, not {}", name, size, i, value.dims[i]));
  }
}

}  // namespace

OnnxModel::OnnxModel(std::string file_bytes) : bytes(std::move(file_bytes)) {
  const WireMessage model(bytes);
  for (const auto entry : model.all(14)) metadata[WireMessage(entry).text(1)] = WireMessage(entry).text(2);
  const auto operators = model.all(8);
  require(operators.size() == 1 && WireMessage(operators[0]).text(1).empty() &&
              WireMessage(operators[0]).integer(2) == 17 && model.integer(1) == 8,
          "not opset 17 in IR version 8");
  for (const auto info : WireMessage(model.view(7)).all(12)) outputs.push_back(WireMessage(info).text(1));
}

std::map<std::string, OnnxValue> OnnxModel::run(const OnnxValue& input) const {
  const WireMessage model(bytes), graph(model.view(7));
  std::map<std::string, Value> values;
  const auto define = [&](const std::string& name, Value value) {
    require(!name.empty() && values.emplace(name, std::move(value)).second, "two values are named " + name);
  };
  for (const auto raw : graph.all(5)) define(WireMessage(raw).text(8), tensor_of(WireMessage(raw)));
  std::map<std::string, int64_t> named;
  require(graph.all(11).size() == 1, "not one input");
  const WireMessage declared(graph.all(11)[0]);
  check_declared(declared, input, named);
  define(declared.text(1), input);
  for (const auto raw : graph.all(1)) {
    OnnxNode node{WireMessage(raw)};
    std::vector<const Value*> in;
    for (const std::string& name : node.inputs) {
      require(values.count(name), node.op + " takes " + name + ", which is not there yet");
      in.push_back(&values.at(name));
    }
    require(node.outputs.size() == 1, node.op + " has several outputs");
    Value y = evaluate(node, in);
    node.all_taken();
    define(node.outputs[0], std::move(y));
  }
  std::map<std::string, Value> results;
  for (const auto raw : graph.all(12)) {
    const WireMessage info(raw);
    require(values.count(info.text(1)), "no output " + info.text(1));
    check_declared(info, values.at(info.text(1)), named);
    results[info.text(1)] = values.at(info.text(1));
  }
  return results;
}

}  // namespace pc::test
