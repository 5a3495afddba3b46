// The networks of models/ as ONNX nodes, with the weights' names as the only source of what is there.
#include "tools/weights/onnx.h"

#include <fmt/format.h>

#include "engine/state.h"
#include "kernels/base/error.h"
#include "kernels/base/text.h"
#include "models/architectures.h"
#include "models/layers.h"
#include "tools/weights/onnx_preprocessing.h"

namespace pc::weights {
namespace {

constexpr std::size_t kProtobufLimit = (std::size_t(1) << 31) - 1;

class Network {
 public:
  Network(OnnxGraph& graph, LoadedModel& model, const std::string& file)
      : graph_(graph), info_(model.info), file_(file) {
    weights_.tensors = state_dict(*model.model);
  }

  // x [n,3,h,w] -> one output per head.
  void add(const std::string& x) {
    const std::string mean = graph_.node("Flatten", {graph_.node("GlobalAveragePool", {features(x)})});
    const std::vector<HeadShape> heads = info_.head_shapes();
    for (std::size_t i = 0; i < heads.size(); ++i) {
      const std::string name = head_prefix(heads, i);
      graph_.node("Gemm", {mean, weights(name + ".weight"), weights(name + ".bias")}, {{"transB", 1}}, heads[i].name);
      graph_.output(heads[i].name, OnnxType::f32, {"n", int64_t(heads[i].classes)});
    }
  }

 private:
  std::string features(const std::string& x) {
    if (info_.architecture == "smallcnn") return small_cnn(x);
    if (const auto found = resnets().find(info_.architecture); found != resnets().end())
      return residual(x, found->second);
    fail(Exit::data,
         fmt::format("{}: no export to ONNX for the architecture \"{}\"; it is there for smallcnn and the resnets",
                     file_, info_.architecture));
  }

  Tensor member(const std::string& name) const {
    if (const FileTensor* found = weights_.find(name)) return found->tensor();
    fail(Exit::data, fmt::format("{}: no {}, which every {} has", file_, name, info_.architecture));
  }
  std::string weights(const std::string& name) { return graph_.weights("/" + name, member(name)); }

  // The convolutions here keep the size, apart from the stride; x + conv may follow.
  std::string conv(const std::string& x, const std::string& conv, const std::string& norm, int64_t stride = 1) {
    const FoldedFilter folded = fold(member(conv + ".weight"), {.gamma = member(norm + ".weight"),
                                                                .beta = member(norm + ".bias"),
                                                                .running_mean = member(norm + ".running_mean"),
                                                                .running_var = member(norm + ".running_var"),
                                                                .eps = kNormEps});
    const int64_t kernel_size = folded.w.dim(2), pad = kernel_size / 2;
    return graph_.node(
        "Conv",
        {x, graph_.weights("/" + conv + ".weight", folded.w), graph_.weights("/" + conv + ".bias", folded.bias)},
        {{"kernel_shape", Ints{kernel_size, kernel_size}},
         {"strides", Ints{stride, stride}},
         {"pads", Ints{pad, pad, pad, pad}}},
        "/" + conv);
  }
  std::string relu(const std::string& x) { return graph_.node("Relu", {x}); }
  std::string max_pool(const std::string& x, int64_t kernel_size, int64_t pad) {
    return graph_.node("MaxPool", {x},
                       {{"kernel_shape", Ints{kernel_size, kernel_size}},
                        {"strides", Ints{2, 2}},
                        {"pads", Ints{pad, pad, pad, pad}}});
  }

  std::string small_cnn(std::string x) {
    for (int i = 1; i <= 4; ++i) {
      const std::string layer = fmt::format("layer{}.", i);
      x = relu(conv(x, layer + "conv", layer + "bn"));
      if (i <= 2) x = max_pool(x, 2, 0);
    }
    return x;
  }

  std::string residual(std::string x, const ResNetOptions& options) {
    x = max_pool(relu(conv(x, "conv1", "bn1", 2)), 3, 1);
    for (int stage = 0; stage < 4; ++stage)
      for (int i = 0; i < options.blocks[std::size_t(stage)]; ++i)
        x = block(x, fmt::format("layer{}.{}.", stage + 1, i), options.bottleneck, stage > 0 && i == 0 ? 2 : 1);
    return x;
  }

  std::string block(const std::string& x, const std::string& name, bool bottleneck, int64_t stride) {
    const int convs = bottleneck ? 3 : 2, strided = bottleneck ? 2 : 1;
    const bool downsample = weights_.find(name + "downsample.0.weight");
    const std::string shortcut = downsample ? conv(x, name + "downsample.0", name + "downsample.1", stride) : x;
    std::string y = x;
    for (int i = 1; i <= convs; ++i) {
      y = conv(y, fmt::format("{}conv{}", name, i), fmt::format("{}bn{}", name, i), i == strided ? stride : 1);
      y = relu(i < convs ? y : graph_.node("Add", {y, shortcut}));
    }
    return y;
  }

  OnnxGraph& graph_;
  const ModelInfo& info_;
  const std::string file_;  // in messages
  WeightFile weights_;
};

std::string add_input(OnnxGraph& graph, const Preprocess& p, OnnxInput input) {
  if (input == OnnxInput::normalized) return graph.input("input", OnnxType::f32, {"n", 3, p.height, p.width});
  return add_onnx_preprocessing(graph, graph.input("pictures", OnnxType::u8, {"n", "h", "w", 3}), p);
}

}  // namespace

bool is_onnx_name(const std::filesystem::path& path) { return equal_ignoring_case(path.extension().string(), ".onnx"); }

void write_onnx(const std::filesystem::path& path, LoadedModel& model, OnnxInput input) {
  OnnxGraph graph(path.string());
  Network(graph, model, path.string()).add(add_input(graph, model.info.preprocess, input));

  ModelInfo info = model.info;
  info.split.reset();  // which pictures it was tested on is of use to pceval alone
  std::map<std::string, std::string> metadata = to_metadata(info);
  metadata.erase("format");  // safetensors' own

  const ProtobufMessage onnx =
      graph.model("Logits of each head; \"pc.model\" has the labels, the preprocessing and the calibration.", metadata);
  if (onnx.size() > kProtobufLimit)
    fail(Exit::limit, path.string() + ": more than the 2 GB that an ONNX file can hold");
  write_file_atomically(path, [&](const FileSink& sink) { onnx.write(sink); });
}

}  // namespace pc::weights
