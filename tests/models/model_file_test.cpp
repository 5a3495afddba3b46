// Model files: everything comes back, torchvision reads them, and files that do not fit are refused by name.
#include "models/model_file.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdio>
#include <limits>
#include <nlohmann/json.hpp>
#include <tuple>

#include "engine/safetensors_write.h"
#include "engine/state.h"
#include "kernels/base/error.h"
#include "kernels/base/file.h"
#include "tests/models/support.h"
#include "tests/support.h"

namespace pc {
namespace {

using test::refusal;

ModelInfo some_info() {
  return {.architecture = "resnet18",
          .heads = {{"colour", {"Blue", "Größe \"M\"", "NA", ""}}, {"type", {"Shirts", "Watches"}}},
          .preprocess = {.height = 40,
                         .width = 30,
                         .resize = Resize::pad,
                         .mean = {0.1f, 0.2f, 0.3f},
                         .std = {0.7f, 0.8f, 0.9f},
                         .fill = {1, 128, 255}}};
}

TEST(ModelFile, EverythingComesBack) {
  const test::TemporaryFolder folder;
  const ModelInfo info = some_info();
  const auto model = make_classifier(info.architecture, info.head_shapes(), 5);
  save_model(folder / "m.safetensors", info, *model);
  const LoadedModel loaded = load_model(folder / "m.safetensors");
  EXPECT_EQ(loaded.info.architecture, info.architecture);
  ASSERT_EQ(loaded.info.heads.size(), 2u);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(loaded.info.heads[i].name, info.heads[i].name);
    EXPECT_EQ(loaded.info.heads[i].labels, info.heads[i].labels);
  }
  const Preprocess &a = loaded.info.preprocess, &b = info.preprocess;
  EXPECT_EQ(a.height, b.height);
  EXPECT_EQ(a.width, b.width);
  EXPECT_EQ(a.resize, b.resize);
  EXPECT_EQ(a.mean, b.mean);
  EXPECT_EQ(a.std, b.std);
  EXPECT_EQ(a.fill, b.fill);
  EXPECT_EQ(test::weights_of(*loaded.model), test::weights_of(*model));
}

TEST(ModelFile, TimmFindsItsMetadata) {
  const auto metadata = to_metadata(some_info());
  EXPECT_EQ(metadata.at("format"), "pt");
  EXPECT_EQ(metadata.at("architecture"), "resnet18");
  EXPECT_EQ(metadata.at("num_classes"), "4");
  const auto timm = nlohmann::json::parse(metadata.at("pretrained_cfg"));
  EXPECT_EQ(timm["input_size"], (std::vector<int>{3, 40, 30}));
  EXPECT_EQ(timm["label_names"].size(), 4u);
  EXPECT_EQ(timm["num_classes"], 4);
  EXPECT_EQ(timm["crop_mode"], "border");
  EXPECT_EQ(timm["interpolation"], "bilinear");
  EXPECT_EQ(timm["classifier"], "heads.colour");
  EXPECT_NEAR(timm["mean"][1].get<double>(), 0.2, 1e-6);
  EXPECT_NEAR(timm["std"][2].get<double>(), 0.9, 1e-6);
}

TEST(ModelFile, TimmsCropModes) {
  ModelInfo info = some_info();
  info.heads.pop_back();
  for (const auto& [resize, mode] :
       {std::pair(Resize::stretch, "squash"), std::pair(Resize::pad, "border"), std::pair(Resize::crop, "center")}) {
    info.preprocess.resize = resize;
    const auto timm = nlohmann::json::parse(to_metadata(info).at("pretrained_cfg"));
    EXPECT_EQ(timm["crop_mode"], mode);
    EXPECT_EQ(timm["classifier"], "fc");
  }
}

ModelInfo calibrated_info() {
  constexpr double never = std::numeric_limits<double>::infinity();
  ModelInfo info = some_info();
  info.hierarchy = {{.fine = 0, .coarse = 1, .coarse_of = {{0}, {0, 1}, {}, {1}}}};
  info.calibration = {
      .heads = {{.temperature = 1.0 / 3, .thresholds = {{.percent = 90, .of_label = {0.1, 0.2, never, 1}}}},
                {.temperature = 2, .thresholds = {{.percent = 90, .of_label = {0.25, never}}}}},
      .novelty = NoveltyRule{.head = 1, .directions = {{0.6f, 0.8f}, {-0.9999f, 0.0123f}}, .limit = 0.125}};
  return info;
}

TEST(ModelFile, CalibrationAndHierarchyComeBack) {
  const ModelInfo info = calibrated_info(), back = info_from_metadata(to_metadata(info), "x");
  ASSERT_EQ(back.hierarchy.size(), 1u);
  EXPECT_EQ(back.hierarchy[0].coarse_of, info.hierarchy[0].coarse_of);
  ASSERT_TRUE(back.calibration);
  for (std::size_t h = 0; h < 2; ++h) {
    const HeadCalibration &a = back.calibration->heads[h], &b = info.calibration->heads[h];
    EXPECT_EQ(a.temperature, b.temperature);
    ASSERT_EQ(a.thresholds.size(), 1u);
    EXPECT_EQ(a.thresholds[0].percent, 90);
    EXPECT_EQ(a.thresholds[0].of_label, b.thresholds[0].of_label);
  }
  ASSERT_TRUE(back.calibration->novelty);
  EXPECT_EQ(back.calibration->novelty->head, 1u);
  EXPECT_EQ(back.calibration->novelty->directions, info.calibration->novelty->directions);
  EXPECT_EQ(back.calibration->novelty->limit, 0.125);
}

TEST(ModelFile, ANoveltyScoreThatIsNotKnownIsLeftOut) {
  auto j = nlohmann::json::parse(to_metadata(calibrated_info()).at("pc.model"));
  j["calibration"]["novelty"] = {{"score", "energy"}, {"head", "colour"}, {"limit", -7}};
  const ModelInfo back = info_from_metadata({{"pc.model", j.dump()}}, "x");
  ASSERT_TRUE(back.calibration);
  EXPECT_FALSE(back.calibration->novelty);
}

TEST(ModelFile, WithoutThemTheDescriptionIsAsItWas) {
  const ModelInfo back = info_from_metadata(to_metadata(some_info()), "x");
  EXPECT_TRUE(back.hierarchy.empty());
  EXPECT_FALSE(back.calibration);
  const auto text = to_metadata(some_info()).at("pc.model");
  EXPECT_LACKS(text, "calibration");
  EXPECT_LACKS(text, "hierarchy");
}

TEST(ModelFile, BrokenCalibrationsAreRefusedByName) {
  const auto good = nlohmann::json::parse(to_metadata(calibrated_info()).at("pc.model"));
  const std::pair<const char*, nlohmann::json> broken[] = {{"/calibration/heads/0/temperature", 0},
                                                           {"/calibration/heads/0/temperature", -1},
                                                           {"/calibration/heads/0/temperature", nullptr},
                                                           {"/calibration/heads", nlohmann::json::array()},
                                                           {"/calibration/heads/1/thresholds/0/of_label", {0.5}},
                                                           {"/calibration/heads/1/thresholds/0/of_label/0", "high"},
                                                           {"/calibration/heads/0/thresholds/0/percent", "90"},
                                                           {"/calibration/novelty/directions/1", {1}},
                                                           {"/calibration/novelty/head", "nowhere"},
                                                           {"/calibration/novelty/limit", nullptr},
                                                           {"/hierarchy/0/coarse_of/0/0", 2},
                                                           {"/heads/1/labels", nlohmann::json::array()}};
  for (const auto& [place, value] : broken) {
    nlohmann::json j = good;
    j[nlohmann::json::json_pointer(place)] = value;
    const std::string message = refusal([&] { info_from_metadata({{"pc.model", j.dump()}}, "x.safetensors"); });
    EXPECT_TRUE(message.starts_with("x.safetensors: broken model description: ")) << place << " -> " << message;
  }
}

TEST(ModelFile, WeightsWithoutLabelsAreRefusedWithTheWayOut) {
  const test::TemporaryFolder folder;
  const auto model = make_classifier("resnet18", {{"label", 10}}, 5);
  const std::string path = (folder / "plain.safetensors").string();
  write_safetensors(path, {.tensors = state_dict(*model)});
  EXPECT_EQ(refusal([&] { load_model(path); }),
            path + ": holds weights but no labels; train a model on it with model.weights = " + path);
}

TEST(ModelFile, WeightsOfAnotherArchitectureNameFiveTensors) {
  const test::TemporaryFolder folder;
  const std::string path = (folder / "m.safetensors").string();
  ModelInfo info = some_info();
  const auto model = make_classifier("resnet18", info.head_shapes(), 5);
  info.architecture = "resnet50";
  save_model(path, info, *model);
  const std::string message = refusal([&] { load_model(path); });
  EXPECT_TRUE(message.starts_with(path + ": weights of another model: ")) << message;
  EXPECT_HAS(message,
             "missing (layer1.0.conv3.weight, layer1.0.bn3.weight, layer1.0.bn3.bias, layer1.0.bn3.running_mean, "
             "layer1.0.bn3.running_var, …)");
  EXPECT_HAS(message, "layer1.0.conv1.weight [64, 64, 3, 3] into [64, 64, 1, 1]");
}

TEST(ModelFile, ResNet34sWeightsAreUnexpectedInResNet18) {
  const auto small = make_classifier("resnet18", {{"label", 10}}, 5),
             large = make_classifier("resnet34", {{"label", 10}}, 5);
  const std::string message =
      refusal([&] { load_strict(*small, {.tensors = state_dict(*large)}, "resnet34.safetensors"); });
  EXPECT_HAS(message,
             "unexpected (layer1.2.conv1.weight, layer1.2.bn1.weight, layer1.2.bn1.bias, layer1.2.bn1.running_mean, "
             "layer1.2.bn1.running_var, …)");
}

TEST(ModelFile, BrokenDescriptionsAreRefusedByName) {
  const std::string good = to_metadata(some_info()).at("pc.model");
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    const std::size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return text.replace(at, from.size(), to);
  };
  const std::vector<std::string> broken{"",
                                        "{",
                                        "[]",
                                        "{}",
                                        "{\"architecture\": \"resnet18\", \"heads\": []}",
                                        with("\"pad\"", "\"fit\""),
                                        with("\"height\":40", "\"height\":0"),
                                        with("\"height\":40", "\"height\":\"forty\""),
                                        with("\"fill\":[1,128,255]", "\"fill\":[1]"),
                                        with("\"Shirts\"", "17"),
                                        with("resnet18", "resnet19")};
  for (const std::string& text : broken) {
    const std::string message = refusal([&] { info_from_metadata({{"pc.model", text}}, "x.safetensors"); });
    EXPECT_TRUE(message.starts_with("x.safetensors: broken model description: ")) << text << " -> " << message;
  }
}

// Sizes that a file declares are bounded where it is read, before anything of that size is made.
TEST(ModelFile, DeclaredSizesAndNumbersAreBoundedByName) {
  const auto good = nlohmann::json::parse(to_metadata(calibrated_info()).at("pc.model"));
  using Json = nlohmann::json;
  const std::tuple<const char*, Json, const char*> broken[] = {
      {"/preprocess/height", 1'000'000, "height is 1000000, which is not an integer from 1 to 1024"},
      {"/preprocess/width", 1025, "width is 1025"},
      {"/preprocess/width", -1, "width is -1"},
      {"/preprocess/height", 4'294'967'376, "height is 4294967376"},  // 80 in 32 bits
      {"/preprocess/height", 18'446'744'073'709'551'615u, "height is 18446744073709551615"},
      {"/preprocess/height", 80.5, "height is 80.5"},
      {"/preprocess/height", 1e300, "height is 1e+300"},
      {"/preprocess/height", true, "height is true"},
      {"/preprocess/height", "80", "height is \"80\""},
      {"/preprocess/height", Json::array({80}), "height is an array"},
      {"/preprocess/std/1", 0, "std is 0"},
      {"/preprocess/std/1", 1e-320, "std is "},
      {"/preprocess/mean/0", 1e300, "mean is 1e+300"},
      {"/preprocess/mean", Json::array({0, 0, 0, 0}), "mean is not three numbers"},
      {"/preprocess/fill/2", 256, "fill is 256"},
      {"/calibration/heads/0/temperature", 1e-300, "temperature is 1e-300"},
      {"/calibration/heads/0/thresholds/0/percent", 4'294'967'386, "percent is 4294967386"},
      {"/calibration/novelty/directions/0/0", 1e300, "a direction's part is 1e+300"},
      {"/hierarchy/0/coarse_of/0/0", 4'294'967'296, "a label of coarse_of is 4294967296"},
      {"/heads/1/name", "colour", "two heads named \"colour\""},
      {"/heads/0/labels", Json(std::vector<std::string>(200'000, "x")), "labels: 200002 in all, more than the 100000"},
      {"/heads", Json::array(), "no head"},
      {"/held_back",
       {{"pictures", 3}, {"files", 1}, {"test", {3}}, {"min_counts", {1, 1}}, {"rare", "other"}},
       "a test image is 3"},
      {"/held_back",
       {{"pictures", 3}, {"files", -1}, {"test", {1}}, {"min_counts", {1, 1}}, {"rare", "other"}},
       "files is not a hash"},
  };
  for (const auto& [place, value, complaint] : broken) {
    Json j = good;
    j[Json::json_pointer(place)] = value;
    const std::string message = refusal([&] { info_from_metadata({{"pc.model", j.dump()}}, "x.safetensors"); });
    EXPECT_TRUE(message.starts_with("x.safetensors: broken model description: ")) << place << " -> " << message;
    EXPECT_HAS(message, complaint) << place << " -> " << message;
    EXPECT_LT(message.size(), 200u) << place;
  }
}

// A diverged network must not replace the file that a good one left.
TEST(ModelFile, WeightsThatAreNotFiniteAreNotWritten) {
  const test::TemporaryFolder folder;
  const std::string path = (folder / "m.safetensors").string();
  const ModelInfo info = some_info();
  save_model(path, info, *make_classifier("smallcnn", info.head_shapes(), 5));
  const std::string before = read_file(path);
  for (const char* member :
       {"layer1.conv.weight", "layer2.bn.running_var", "layer3.bn.running_mean", "heads.type.bias"})
    for (const float value : {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()}) {
      const auto model = make_classifier("smallcnn", info.head_shapes(), 5);
      model->visit("", [&](const std::string& name, Var& v, Role) {
        if (name == member) v.value().as<float>()[1] = value;
      });
      const std::string message = refusal([&] { save_model(path, info, *model); }, Exit::numeric);
      EXPECT_TRUE(message.starts_with(path + ": not written: 1 of ")) << message;
      EXPECT_HAS(message, member);
      EXPECT_TRUE(read_file(path) == before) << member;
    }
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
}

TEST(ModelFile, OtherFilesOfOursAreNamed) {
  EXPECT_HAS(refusal([] { info_from_metadata({{"pc.train", "{}"}}, "x"); }), "the checkpoint of an unfinished");
  EXPECT_HAS(refusal([] { info_from_metadata({{"pc.index", "7"}}, "x"); }), "an index of pcindex");
}

// Lines of a command's output, and its exit code.
std::pair<std::string, int> run(const std::string& command) {
  FILE* pipe = ::popen(command.c_str(), "r");
  std::string text;
  char part[4096];
  while (const std::size_t n = std::fread(part, 1, sizeof part, pipe)) text.append(part, n);
  return {text, WEXITSTATUS(::pclose(pipe))};
}

TEST(ModelFile, TorchvisionLoadsItStrictlyAndGivesTheSameLogits) {
  const test::TemporaryFolder folder;
  for (const char* architecture : {"resnet18", "resnet50"}) {
    ModelInfo info{
        .architecture = architecture, .heads = {{"type", {"a", "b", "c", "d", "e", "f", "g"}}}, .preprocess = {}};
    const auto model = test::formula_model(architecture, info.head_shapes());
    const std::string path = (folder / "m.safetensors").string();
    save_model(path, info, *model);
    const auto [text, code] = run(fmt::format(
        "/usr/bin/python3 {}/tests/models/torchvision_logits.py {} {} 6 1 224 224", PC_SOURCE_DIR, path, architecture));
    if (code == 77 || code == 127) GTEST_SKIP() << "/usr/bin/python3 has no torch and torchvision";
    ASSERT_EQ(code, 0);
    std::vector<float> want;
    for (const auto& row : nlohmann::json::parse(text))
      for (const float v : row) want.push_back(v);
    const Tensor logits = load_model(path).model->forward(Var(test::pictures(6, 1, 224, 224)), Mode::infer)[0].value();
    EXPECT_LE(test::distance(logits.to_vector<float>(), want), 1e-4) << architecture;
  }
}

}  // namespace
}  // namespace pc
