// Exported graphs against the networks themselves, evaluated by an interpreter of ONNX that shares no code with either.
#include "tests/weights/onnx_eval.h"

#include <cmath>
#include <numeric>

#include "data/resize.h"
#include "data/store.h"
#include "engine/ops.h"
#include "tests/weights/peer.h"
#include "tools/weights/onnx.h"
#include "tools/weights/onnx_preprocessing.h"

namespace pc::weights {
namespace {

using namespace test;

std::vector<uint8_t> noise(int n, int h, int w) {
  std::vector<uint8_t> pixels(std::size_t(n) * std::size_t(h) * std::size_t(w) * 3);
  uint32_t state = uint32_t(h * 1000 + w);
  for (uint8_t& value : pixels) value = uint8_t((state = state * 1664525 + 1013904223) >> 24);
  return pixels;
}

OnnxValue pixels_of(int n, int h, int w) {
  const std::vector<uint8_t> pixels = noise(n, h, w);
  return {OnnxKind::u8, {n, h, w, 3}, {pixels.begin(), pixels.end()}};
}

// noise() as the store keeps it and as the network takes it.
Tensor fitted(const Preprocess& p, int n, int h, int w) {
  const std::vector<uint8_t> pixels = noise(n, h, w);
  const auto bytes = std::ptrdiff_t(pixels.size()) / n;
  std::vector<uint8_t> kept;
  std::vector<AugmentSample> samples;
  for (int i = 0; i < n; ++i) {
    const data::Image image = data::resize_to_short_side(
        {.h = h, .w = w, .pixels = {pixels.begin() + bytes * i, pixels.begin() + bytes * (i + 1)}},
        data::store_settings(p.height, p.width).short_side);
    samples.push_back(p.identity(int64_t(kept.size()), image.h, image.w));
    kept.insert(kept.end(), image.pixels.begin(), image.pixels.end());
  }
  return augment(p.shape(), DType::f32, Device::cpu, {.pixels = kept.data()}, samples);
}

void expect_close(const std::vector<float>& ours, const OnnxValue& got, double tolerance, const std::string& what) {
  ASSERT_EQ(ours.size(), got.v.size()) << what;
  for (std::size_t i = 0; i < ours.size(); ++i) ASSERT_NEAR(ours[i], got.v[i], tolerance) << what << " [" << i << "]";
}

class OnnxEval : public Pcconvert {
 protected:
  OnnxModel exported(LoadedModel& model, OnnxInput input) {
    write_onnx(path("m.onnx"), model, input);
    return OnnxModel(read_file(path("m.onnx")));
  }
};

// The graph has the batch norms folded, and the network here has not: what folds is tested as well.
TEST_F(OnnxEval, EveryKindOfNetworkGivesOurLogits) {
  for (const auto& [architecture, h, w] : {std::tuple{"smallcnn", 13, 18},
                                           {"smallcnn", 15, 7},
                                           {"resnet18", 37, 21},
                                           {"resnet18", 26, 34},
                                           {"resnet50", 37, 21},
                                           {"resnet50", 26, 34}}) {
    const ModelInfo info = info_of(architecture, h, w);
    LoadedModel model = lively_model(info);
    const Tensor x = fitted(info.preprocess, 2, 50, 41);
    const std::vector<Var> ours = model.model->forward(Var(x), Mode::eval);
    const std::vector<float> nchw = planes(x);
    const OnnxModel plain = exported(model, OnnxInput::normalized), pixels = exported(model, OnnxInput::pixels);
    const auto logits = plain.run({OnnxKind::f32, {2, 3, h, w}, {nchw.begin(), nchw.end()}}),
               of_pixels = pixels.run(pixels_of(2, 50, 41));
    EXPECT_EQ(plain.outputs, (std::vector<std::string>{"kind", "base colour"}));
    EXPECT_EQ(pixels.outputs, plain.outputs);
    for (std::size_t head = 0; head < 2; ++head) {
      const std::string name = fmt::format("{} {}x{} {}", architecture, h, w, info.heads[head].name);
      const std::vector<float> wanted = ours[head].value().to_vector<float>();
      expect_close(wanted, logits.at(info.heads[head].name), 2e-4, name);
      expect_close(wanted, of_pixels.at(info.heads[head].name), 2e-4, name + " of pixels");
    }
  }
}

// Images of the size, smaller, larger but not yet reduced, and reduced first.
TEST_F(OnnxEval, ImagesOfAnySizeAreFittedAsHere) {
  for (const Resize resize : {Resize::stretch, Resize::pad, Resize::crop})
    for (const auto& [height, width] : {std::pair{20, 15}, {14, 21}}) {
      const Preprocess p{.height = height, .width = width, .resize = resize, .fill = {250, 128, 3}};
      OnnxGraph graph("fit.onnx");
      const std::string pictures = graph.input("pictures", OnnxType::u8, {"n", "h", "w", 3});
      graph.node("Identity", {add_onnx_preprocessing(graph, pictures, p)}, {}, "fitted");
      graph.output("fitted", OnnxType::f32, {"n", 3, p.height, p.width});
      const OnnxModel model(graph.model("", {}).serialized());
      for (const auto& [h, w] : {std::pair{20, 15},
                                 {14, 21},
                                 {1, 1},
                                 {1, 50},
                                 {75, 1},
                                 {9, 12},
                                 {21, 14},
                                 {40, 30},
                                 {41, 31},
                                 {42, 125},
                                 {25, 33},
                                 {59, 161},
                                 {161, 64},
                                 {128, 128}}) {
        const auto got = model.run(pixels_of(2, h, w)).at("fitted");
        expect_close(planes(fitted(p, 2, h, w)), got, 1e-5,
                     fmt::format("{} {}x{} from {}x{}", name_of(resize), height, width, h, w));
      }
    }
}

TEST_F(OnnxEval, MetadataSayWhatTheModelFileDoes) {
  ModelInfo info = info_of("smallcnn", 32, 24);
  info.split = SplitRecord{.pictures = 3, .files = 1, .test = {1}, .min_counts = {0, 0}};
  LoadedModel model = lively_model(info);
  const OnnxModel onnx = exported(model, OnnxInput::normalized);
  const ModelInfo back = info_from_metadata(onnx.metadata, "m.onnx");
  EXPECT_EQ(onnx.metadata.count("format"), 0u) << "safetensors' own";
  EXPECT_EQ(back.architecture, "smallcnn");
  ASSERT_EQ(back.heads.size(), 2u);
  EXPECT_EQ(back.heads[1].name, "base colour");
  EXPECT_EQ(back.heads[1].labels, info.heads[1].labels);
  EXPECT_EQ(to_json(back.preprocess), to_json(info.preprocess));
  EXPECT_FALSE(back.split) << "the list of test images stays behind";
}

// --- The interpreter itself, at the examples of ONNX's own documentation ---

// A graph of one node, with x = first, first + 1, … and for Conv a filter of ones.
std::vector<double> run_node(const std::string& op, const std::vector<int64_t>& dims, double first,
                             const OnnxAttributes& attributes, const std::vector<int64_t>& out) {
  OnnxGraph graph("one.onnx");
  std::vector<std::string> inputs{graph.input("x", OnnxType::f32, {dims.begin(), dims.end()})};
  if (op == "Conv") inputs.push_back(graph.floats(std::vector<float>(9, 1.0f), {1, 1, 3, 3}));
  graph.node(op, inputs, attributes, "y");
  graph.output("y", OnnxType::f32, {out.begin(), out.end()});
  OnnxValue x{OnnxKind::f32, dims, std::vector<double>(std::size_t(dims[2] * dims[3]))};
  std::iota(x.v.begin(), x.v.end(), first);
  return OnnxModel(graph.model("", {}).serialized()).run(x).at("y").v;
}

TEST(OnnxInterpreter, DoesAsTheExamplesOfTheOperators) {
  using Numbers = std::vector<double>;
  const Ints two{2, 2}, three{3, 3}, ones{1, 1, 1, 1};
  EXPECT_EQ(run_node("Conv", {1, 1, 5, 5}, 0, {{"kernel_shape", three}, {"pads", ones}}, {1, 1, 5, 5}),
            (Numbers{12,  21, 27, 33,  24,  33,  54,  63, 72,  51,  63,  99, 108,
                     117, 81, 93, 144, 153, 162, 111, 72, 111, 117, 123, 84}));
  EXPECT_EQ(run_node("Conv", {1, 1, 5, 5}, 0, {}, {1, 1, 3, 3}), (Numbers{54, 63, 72, 99, 108, 117, 144, 153, 162}));
  EXPECT_EQ(run_node("Conv", {1, 1, 7, 5}, 0, {{"pads", ones}, {"strides", two}}, {1, 1, 4, 3}),
            (Numbers{12, 27, 24, 63, 108, 81, 123, 198, 141, 112, 177, 124}));
  EXPECT_EQ(run_node("Conv", {1, 1, 7, 5}, 0, {{"pads", Ints{1, 0, 1, 0}}, {"strides", two}}, {1, 1, 4, 2}),
            (Numbers{21, 33, 99, 117, 189, 207, 171, 183}));
  EXPECT_EQ(
      run_node("MaxPool", {1, 1, 5, 5}, 1, {{"kernel_shape", Ints{5, 5}}, {"pads", Ints{2, 2, 2, 2}}}, {1, 1, 5, 5}),
      (Numbers{13, 14, 15, 15, 15, 18, 19, 20, 20, 20, 23, 24, 25, 25, 25, 23, 24, 25, 25, 25, 23, 24, 25, 25, 25}));
  EXPECT_EQ(run_node("MaxPool", {1, 1, 5, 5}, 1, {{"kernel_shape", two}, {"strides", two}}, {1, 1, 2, 2}),
            (Numbers{7, 9, 17, 19}));
  EXPECT_EQ(
      run_node("MaxPool", {1, 1, 4, 4}, 1, {{"kernel_shape", three}, {"strides", two}, {"ceil_mode", 1}}, {1, 1, 2, 2}),
      (Numbers{11, 12, 15, 16}));
  EXPECT_THROW(run_node("MaxPool", {1, 1, 4, 4}, 1, {}, {1, 1, 4, 4}), std::runtime_error) << "no kernel_shape";
  EXPECT_THROW(run_node("Relu", {1, 1, 4, 4}, 1, {{"alpha", 1}}, {1, 1, 4, 4}), std::runtime_error);
  EXPECT_THROW(run_node("Relu", {1, 1, 4, 4}, 1, {}, {1, 1, 4, 5}), std::runtime_error) << "declared otherwise";
}

}  // namespace
}  // namespace pc::weights
