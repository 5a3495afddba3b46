// Models as ONNX: onnxruntime's logits against ours, and what pcconvert refuses. onnx_eval_test.cpp has the graphs' own meaning.
#include "tools/weights/onnx.h"

#include <fmt/ranges.h>

#include "data/decode.h"
#include "data/zip.h"
#include "data/zip_unpack.h"
#include "engine/safetensors_write.h"
#include "kernels/base/error.h"
#include "tests/weights/peer.h"
#include "tools/predict/predictor.h"
#include "tools/weights/protobuf.h"

namespace pc::weights {
namespace {

using namespace test;

constexpr double kLogitTolerance = 1e-4;

// Real pictures of one size, n x h x w x 3.
struct Batch {
  int n = 0, h = 0, w = 0;
  std::vector<uint8_t> pixels;
  data::Image image(int i) const {
    const std::size_t bytes = std::size_t(h) * std::size_t(w) * 3;
    return {.h = h,
            .w = w,
            .pixels = {pixels.begin() + std::ptrdiff_t(bytes) * i, pixels.begin() + std::ptrdiff_t(bytes) * (i + 1)}};
  }
  Batch first() const { return {.n = 1, .h = h, .w = w, .pixels = image(0).pixels}; }
};

// Every `step`-th JPEG of an archive of the shared data.
void each_picture(const std::string& archive, int step, const std::function<void(const data::Image&)>& use) {
  const auto file = MappedFile::open(shared_file("datasets/" + archive));
  int seen = 0;
  for (const data::ZipRecord& record : data::read_zip_directory(file->bytes(), archive)) {
    if (!record.name.ends_with(".jpg") || seen++ % step != 0) continue;
    std::vector<std::byte> bytes;
    data::unpack_record(record, record.name,
                        [&](std::span<const std::byte> part) { bytes.insert(bytes.end(), part.begin(), part.end()); });
    use(data::decode_image(bytes, record.name));
  }
}

Batch catalog_pictures(int n) {
  Batch batch{.h = 80, .w = 60};
  each_picture("raw-jpegs-400.zip", 1, [&](const data::Image& image) {
    if (batch.n == n || image.h != batch.h || image.w != batch.w) return;
    batch.pixels.insert(batch.pixels.end(), image.pixels.begin(), image.pixels.end());
    ++batch.n;
  });
  return batch;
}

// In batches of one.
std::vector<Batch> phone_photos() {
  std::vector<Batch> photos;
  each_picture("home-photos.zip", 30, [&](const data::Image& image) {
    photos.push_back({.n = 1, .h = image.h, .w = image.w, .pixels = image.pixels});
  });
  return photos;
}

class OnnxParity : public Onnx {
 protected:
  // Both forms of the model, or that with pixels alone; all batches, every head.
  void check(const ModelInfo& info, const std::vector<Batch>& batches, bool both = true) {
    const std::string file = path("model.safetensors");
    save_model(file, info, *lively_model(info).model);
    predict::Predictor predictor(file, {});
    ASSERT_EQ(both ? run("--force " + file + " " + path("plain.onnx")).code : 0, 0);
    ASSERT_EQ(run("--force --pixels " + file + " " + path("pixels.onnx")).code, 0);

    std::vector<std::vector<predict::Logits>> expected;
    std::vector<std::string> plain, pixels;
    for (const Batch& batch : batches) {
      const std::string number = std::to_string(expected.size());
      std::vector<Tensor> inputs;
      for (int i = 0; i < batch.n; ++i) inputs.push_back(predictor.prepare(batch.image(i)));
      const std::vector<float> nchw = planes(predict::stacked(inputs));
      plain.push_back(given("f" + number, nchw.data(), nchw.size() * sizeof(float),
                            {batch.n, 3, info.preprocess.height, info.preprocess.width}));
      pixels.push_back(given("u" + number, batch.pixels.data(), batch.pixels.size(), {batch.n, batch.h, batch.w, 3}));
      expected.push_back(predictor.predict(inputs));
    }
    if (both) run_onnx(path("plain.onnx"), plain);
    run_onnx(path("pixels.onnx"), pixels);
    for (std::size_t b = 0; b < batches.size(); ++b)
      for (std::size_t head = 0; head < info.heads.size(); ++head) {
        std::vector<float> ours;
        for (const predict::Logits& logits : expected[b])
          ours.insert(ours.end(), logits[head].begin(), logits[head].end());
        for (const char* form : both ? std::vector{"f", "u"} : std::vector{"u"}) {
          const std::string name = form + std::to_string(b);
          EXPECT_LE(largest_difference(ours, floats_of(name + "." + info.heads[head].name)), kLogitTolerance)
              << info.architecture << " " << name << " " << info.heads[head].name << ", ours "
              << fmt::to_string(fmt::join(ours, " "));
        }
      }
  }
};

TEST_F(OnnxParity, RealPicturesGetOurLogits) {
  PC_NEEDS_ONNXRUNTIME();
  PC_NEEDS_SHARED("datasets/raw-jpegs-400.zip");
  const Batch five = catalog_pictures(5);
  ASSERT_EQ(five.n, 5);
  for (const char* architecture : {"smallcnn", "resnet18", "resnet101"})
    check(info_of(architecture, 80, 60), {five, five.first()});
}

// They are shrunk first, in the graph too.
TEST_F(OnnxParity, PhonePhotosGetOurLogits) {
  PC_NEEDS_ONNXRUNTIME();
  PC_NEEDS_SHARED("datasets/home-photos.zip");
  const std::vector<Batch> photos = phone_photos();
  ASSERT_GE(photos.size(), 10u);
  for (const char* architecture : {"smallcnn", "resnet18"}) check(info_of(architecture, 80, 60), photos, false);
}

TEST_F(Pcconvert, OnnxIsTheSameEveryTimeAndIsNotReadBack) {
  const ModelInfo info = info_of("smallcnn");
  save_model(path("m"), info, *lively_model(info).model);
  for (const char* out : {"a.onnx", "b.onnx"}) {
    const Result r = run(path("m") + " " + path(out));
    EXPECT_TRUE(ended(r, 0, "smallcnn, "));
  }
  EXPECT_TRUE(read_file(path("a.onnx")) == read_file(path("b.onnx")));
  for (const std::string& arguments : {path("a.onnx") + " " + path("c.safetensors"), "--inspect " + path("a.onnx"),
                                       path("a.onnx") + " " + path("c.onnx")}) {
    const Result r = run(arguments);
    EXPECT_TRUE(ended(r, 3, "a.onnx: not weights; it is an ONNX graph, which is only written here; take the"));
  }
}

// A network without an export, and a description that does not fit its network.
TEST_F(Pcconvert, ArchitecturesWithoutAnExportAreErrors) {
  for (const char* architecture : {"mobilenet_v3_large", "resnet50", "", "smallcnn"}) {
    const ModelInfo info = info_of(architecture == std::string("smallcnn") ? "resnet18" : "smallcnn");
    LoadedModel model = lively_model(info);
    model.info.architecture = architecture;
    const std::string message = refusal([&] { write_onnx(path("x.onnx"), model, OnnxInput::normalized); });
    EXPECT_HAS(message, architecture);
    EXPECT_NE(message, "") << architecture;
    EXPECT_FALSE(std::filesystem::exists(path("x.onnx"))) << architecture;
  }
}

TEST_F(Pcconvert, RefusesWhatOnnxCannotBeMadeOf) {
  ModelInfo info = info_of("smallcnn");
  save_model(path("m"), info, *lively_model(info).model);
  WeightFile weights = read_safetensors(path("m"));
  const float other[3] = {9, 9, 9};
  for (FileTensor& t : weights.tensors)
    if (t.name == "heads.kind.bias") t.data = reinterpret_cast<const std::byte*>(other);
  write_safetensors(path("damaged"), weights);
  info.heads[0].name = "input";
  save_model(path("taken"), info, *lively_model(info).model);
  const std::string golden = PC_SOURCE_DIR "/tests/weights/golden/";
  const std::vector<std::tuple<std::string, int, std::string>> cases = {
      {golden + "plain.pth " + path("x.onnx"), 3, "plain.pth: holds weights but no labels"},
      {path("taken") + " " + path("x.onnx"), 3,
       "x.onnx: no output can be named \"input\": that is empty or a name within the graph"},
      {path("damaged") + " " + path("x.onnx"), 3, "damaged: self-test failed: head kind, label"},
      {"--pixels " + path("m") + " " + path("x.safetensors"), 2, "--pixels is for ONNX"},
      {"--pixels --inspect " + path("m"), 2, "cannot be used with"},
      {path("absent") + " " + path("x.onnx"), 4, "cannot open"},
      {path("m") + " " + path("no/such/folder/x.onnx"), 4, "no/such/folder"},
  };
  for (const auto& [arguments, code, message] : cases) {
    const Result r = run(arguments);
    EXPECT_TRUE(ended(r, code, message)) << arguments;
    EXPECT_EQ(std::count(r.err.begin(), r.err.end(), '\n'), 1) << r.err;
  }
  EXPECT_FALSE(std::filesystem::exists(path("x.onnx")));
}

// The example of the protocol buffers' documentation, and the borders of a varint.
TEST(Protobuf, KnownBytes) {
  const auto text = [](const ProtobufMessage& m) {
    std::string all;
    m.write([&](const void* data, std::size_t bytes) { all.append(static_cast<const char*>(data), bytes); });
    EXPECT_EQ(all.size(), m.size());
    return all;
  };
  EXPECT_EQ(text(ProtobufMessage().number(1, 150)), "\x08\x96\x01");
  EXPECT_EQ(text(ProtobufMessage().text(2, "testing")), "\x12\x07testing");
  EXPECT_EQ(text(ProtobufMessage().message(3, std::move(ProtobufMessage().number(1, 150)))), "\x1a\x03\x08\x96\x01");
  EXPECT_EQ(text(ProtobufMessage().number(1, 127).number(20, 128)), "\x08\x7f\xa0\x01\x80\x01");
  EXPECT_EQ(text(ProtobufMessage().number(1, -1)), "\x08" + std::string(9, '\xff') + "\x01");
  const Tensor values = Tensor::from<float>({1}, {1});
  EXPECT_EQ(text(ProtobufMessage().bytes(9, values).number(1, 0)), std::string("\x4a\x04\0\0\x80\x3f\x08\0", 8));
}

}  // namespace
}  // namespace pc::weights
