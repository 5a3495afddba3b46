// Predictor against a direct forward pass, and the stream of pictures.
#include <fmt/format.h>

#include <cerrno>
#include <cmath>
#include <new>
#include <stdexcept>
#include <system_error>

#include "data/store.h"
#include "engine/ops.h"
#include "kernels/base/parallel.h"
#include "tests/predict/fixture.h"
#include "tools/predict/inputs.h"
#include "tools/predict/stream.h"
#include "tools/runs/batches.h"

namespace pc::predict {
namespace {

using test::make_picture;
using test::TemporaryFolder;

// The same pictures through the unfolded network.
std::vector<std::vector<float>> direct_logits(const LoadedModel& loaded, const data::Image& image) {
  const NoGrad no_grad;
  const Preprocess& p = loaded.info.preprocess;
  const Tensor x =
      augment(p.shape(), DType::f32, Device::cpu, {.pixels = image.pixels.data()}, {p.identity(0, image.h, image.w)});
  std::vector<std::vector<float>> logits;
  for (const Var& head : loaded.model->forward(Var(x), Mode::eval)) logits.push_back(head.value().to_vector<float>());
  return logits;
}

TEST(Predictor, AgreesWithTheUnfoldedNetwork) {
  Predictor predictor(test::tiny_model(), {});
  const LoadedModel loaded = load_model(test::tiny_model());
  for (int seed = 0; seed < 3; ++seed) {
    const data::Image image = make_picture(seed);
    const auto expected = direct_logits(loaded, image);
    const Logits got = predictor.predict({predictor.prepare(image)}).front();
    ASSERT_EQ(got.size(), 2u);
    for (std::size_t h = 0; h < 2; ++h)
      for (std::size_t i = 0; i < 3; ++i)
        EXPECT_NEAR(got[h][i], expected[h][i], 1e-4 * (1 + std::fabs(expected[h][i])));
  }
}

// One path for pixels: what pcpredict feeds the network is what training read from its packed store, large pictures too.
TEST(Predictor, PreparesTheBitsThatTrainingSaw) {
  const TemporaryFolder folder;
  const std::pair<int, int> sizes[] = {{40, 30}, {700, 501}, {300, 2000}, {64, 64}};
  for (const char* name : {"a", "b"}) std::filesystem::create_directories(folder / "data" / name);
  for (int i = 0; i < 4; ++i) {
    const auto [h, w] = sizes[i];
    const data::Image image = make_picture(i, h, w);
    test::write_text(folder / "data" / "a" / fmt::format("{}.jpg", i), test::jpeg_of(image));
    test::write_text(folder / "data" / "b" / fmt::format("{}.png", i), test::png_of(image));
  }
  const Predictor predictor(test::tiny_model(), {});
  const Preprocess& p = predictor.info().preprocess;
  const data::DataSet data = data::open_dataset(folder / "data", {});
  const runs::BatchMaker batches(data.catalog,
                                 data::open_store(data, data::store_settings(p.height, p.width), folder / "cache"), p,
                                 DType::f32, Device::cpu);
  for (uint32_t i = 0; i < 8; ++i) {
    const std::string file = (folder / "data" / data.catalog.items[i].file).string();
    const std::vector<uint32_t> item{i};
    EXPECT_EQ(predictor.prepare(read_picture(file, predictor.decoding())).to_vector<float>(),
              batches.whole(item).x.to_vector<float>())
        << file;
  }
}

TEST(Predictor, HasTheSameBitsAloneAndInABatch) {
  Predictor predictor(test::tiny_model(), {});
  std::vector<Tensor> inputs;
  for (int seed = 0; seed < 5; ++seed) inputs.push_back(predictor.prepare(make_picture(seed)));
  const std::vector<Logits> together = predictor.predict(inputs);
  for (std::size_t i = 0; i < inputs.size(); ++i) EXPECT_EQ(predictor.predict({inputs[i]}).front(), together[i]) << i;
}

TEST(Predictor, HasTheSameBitsWithAnyNumberOfThreads) {
  Predictor predictor(test::tiny_model(), {});
  const Tensor x = predictor.prepare(make_picture(1));
  const int before = thread_count();
  set_thread_count(1);
  const auto one = predictor.predict({x});
  set_thread_count(2);
  const auto two = predictor.predict({x});
  set_thread_count(before);
  EXPECT_EQ(one, two);
}

TEST(Predictor, Bf16StaysNearF32) {
  Predictor wide(test::tiny_model(), {}), narrow(test::tiny_model(), {.precision = DType::bf16});
  const data::Image image = make_picture(2);
  const Logits a = wide.predict({wide.prepare(image)}).front(), b = narrow.predict({narrow.prepare(image)}).front();
  double scale = 0;
  for (const float v : a[0]) scale = std::max(scale, double(std::fabs(v)));
  for (std::size_t i = 0; i < 3; ++i) EXPECT_NEAR(a[0][i], b[0][i], 0.05 * (1 + scale));
}

TEST(Predictor, GivesItsWeightsUpOnceTheyAreFolded) {
  LoadedModel loaded = load_model(test::tiny_model());
  loaded.model->only_infer();
  const NoGrad no_grad;
  const Var x(Tensor::zeros({1, 32, 32, 3}, DType::f32, Device::cpu));
  const auto first = loaded.model->forward(x, Mode::infer), second = loaded.model->forward(x, Mode::infer);
  EXPECT_EQ(first[0].value().to_vector<float>(), second[0].value().to_vector<float>());
  EXPECT_THROW(loaded.model->forward(x, Mode::eval), std::logic_error);
  EXPECT_THROW(count_parameters(*loaded.model), std::logic_error);
}

TEST(Predictor, RefusesF16OnTheCpu) { EXPECT_THROW(Predictor(test::tiny_model(), {.precision = DType::f16}), Error); }

TEST(Predictor, NamesADivergedModel) {
  const ModelInfo info = test::tiny_info();
  auto model = make_classifier(info.architecture, info.head_shapes(), 1);
  model->visit("", [](const std::string& name, Var& value, Role) {
    if (name == "heads.kind.bias") value.set_value(Tensor::from<float>({3}, {0, std::nanf(""), 0}));
  });
  Predictor predictor({.info = info, .model = std::move(model), .self_test = {}}, "nan.safetensors", {});
  for (const Outcome& outcome :
       predictor.answer({predictor.prepare(make_picture(0)), predictor.prepare(make_picture(1))}))
    EXPECT_EQ(outcome.code, Exit::numeric) << "it ends no batch";
  EXPECT_HAS(test::refusal([&] { predictor.predict({predictor.prepare(make_picture(0))}); }, Exit::numeric),
             "nan.safetensors");
}

TEST(PredictAll, KeepsTheOrderAndGoesOnAfterABadPicture) {
  Predictor predictor(test::tiny_model(), {});
  std::vector<std::size_t> order;
  std::vector<Logits> streamed;
  const auto decode = [](std::size_t i) {
    if (i % 3 == 1) fail(Exit::data, "image " + std::to_string(i) + ": broken");
    return make_picture(int(i));
  };
  predict_all(predictor, 11, decode, 4, [&](std::size_t i, const Outcome& outcome) {
    order.push_back(i);
    EXPECT_EQ(outcome.code == Exit::ok, i % 3 != 1) << i;
    EXPECT_EQ(outcome.error, i % 3 != 1 ? "" : "image " + std::to_string(i) + ": broken");
    streamed.push_back(outcome.logits);
  });
  ASSERT_EQ(order.size(), 11u);
  for (std::size_t i = 0; i < 11; ++i) EXPECT_EQ(order[i], i);
  EXPECT_EQ(streamed[9], predictor.predict({predictor.prepare(make_picture(9))}).front());
}

TEST(PredictAll, WhateverAnImageRaisesCostsItAlone) {
  Predictor predictor(test::tiny_model(), {});
  const auto decode = [](std::size_t i) -> data::Image {
    if (i == 0) throw std::length_error("a vector");
    if (i == 1) throw std::bad_alloc();
    if (i == 2) throw std::system_error(EMFILE, std::generic_category());
    if (i == 3) throw 7;
    return make_picture(int(i));
  };
  std::vector<Outcome> outcomes;
  predict_all(predictor, 6, decode, 3, [&](std::size_t, const Outcome& outcome) { outcomes.push_back(outcome); });
  ASSERT_EQ(outcomes.size(), 6u);
  const Exit codes[] = {Exit::data, Exit::limit, Exit::file, Exit::data, Exit::ok, Exit::ok};
  for (std::size_t i = 0; i < 6; ++i) {
    EXPECT_EQ(outcomes[i].code, codes[i]) << i;
    EXPECT_EQ(outcomes[i].error.find("image " + std::to_string(i + 1) + ": ") == 0, i < 4) << outcomes[i].error;
  }
}

TEST(PredictAll, TakesNothingAndWholeBatchesOfBadPictures) {
  Predictor predictor(test::tiny_model(), {});
  int calls = 0;
  const auto broken = [](std::size_t) -> data::Image { fail(Exit::data, "broken"); };
  predict_all(predictor, 0, broken, 4, [&](std::size_t, const Outcome&) { ++calls; });
  EXPECT_EQ(calls, 0);
  predict_all(predictor, 5, broken, 2, [&](std::size_t, const Outcome&) { ++calls; });
  EXPECT_EQ(calls, 5);
}

TEST(ModelFile, CarriesTheTestPictures) {
  ModelInfo info = test::tiny_info();
  EXPECT_FALSE(info_from_metadata(to_metadata(info), "x").split);
  info.split = {.pictures = 40, .files = ~uint64_t(7), .test = {3, 17, 39}, .min_counts = {3, 1}, .rare = "drop"};
  const auto back = info_from_metadata(to_metadata(info), "x").split;
  ASSERT_TRUE(back);
  EXPECT_EQ(back->pictures, 40);
  EXPECT_EQ(back->files, ~uint64_t(7));
  EXPECT_EQ(back->test, (std::vector<uint32_t>{3, 17, 39}));
  EXPECT_EQ(back->min_counts, (std::vector<int64_t>{3, 1}));
  EXPECT_EQ(back->rare, "drop");
  info.split->test.push_back(40);
  EXPECT_THROW(info_from_metadata(to_metadata(info), "x"), Error);
}

}  // namespace
}  // namespace pc::predict
