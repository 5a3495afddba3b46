// The way of a request through decoding, network and answer, with pictures that are decoded when the test says so.
#include "tools/serve/predictions.h"

#include <gtest/gtest.h>

#include <future>
#include <utility>

#include "kernels/base/error.h"
#include "tests/serve/tiny_model.h"

namespace pc::serve {
namespace {

using Logits = predict::Logits;

class OnItsWay : public testing::Test {
 protected:
  // The answers to pictures that are decoded so.
  std::future<std::vector<Answered>> ask(std::shared_ptr<ServedModel> model,
                                         const std::vector<std::function<data::Image()>>& decoders, Turn turn = {}) {
    std::vector<Picture> pictures;
    for (const auto& decode : decoders) pictures.push_back({.name = "a", .pixels = 1, .decode = decode});
    auto promise = std::make_shared<std::promise<std::vector<Answered>>>();
    predict(std::move(model), std::move(pictures), batcher_.admit(std::vector<int64_t>(decoders.size(), 1)), false,
            turn, batcher_, workers_,
            [promise, answered = std::make_shared<bool>(false)](std::vector<Answered>& answers) {
              EXPECT_FALSE(std::exchange(*answered, true));
              promise->set_value(std::move(answers));
            });
    return promise->get_future();
  }
  test::TemporaryFolder folder_;
  Metrics metrics_;
  Batcher batcher_{{.patience = std::chrono::seconds(60)}, metrics_};
  Workers workers_{2};
};

TEST_F(OnItsWay, ARequestKeepsItsModel) {
  auto model = tiny_model(folder_, 1);
  const Logits expected = model->predictor.predict({model->predictor.prepare(tiny_image(1))}).front();
  const std::weak_ptr<ServedModel> alive = model;
  std::promise<void> decoding, go;
  auto answers = ask(std::move(model), {[&] {
                       decoding.set_value();
                       go.get_future().wait();
                       return tiny_image(1);
                     }});
  decoding.get_future().wait();
  EXPECT_FALSE(alive.expired());
  EXPECT_EQ(batcher_.admitted(), 1u);
  go.set_value();
  EXPECT_EQ(answers.get().at(0).inference.outcome.logits, expected);
}

TEST_F(OnItsWay, AnswersAreInTheOrderOfThePictures) {
  const auto model = tiny_model(folder_, 1);
  std::promise<void> second;
  auto answers = ask(model, {[&] { return second.get_future().wait(), tiny_image(1); },
                             [&]() -> data::Image { fail(Exit::data, "no image"); },
                             [&] { return second.set_value(), tiny_image(2); }})
                     .get();
  ASSERT_EQ(answers.size(), 3u);
  for (const std::size_t i : {0, 2}) {
    const Logits expected = model->predictor.predict({model->predictor.prepare(tiny_image(i == 0 ? 1 : 2))}).front();
    EXPECT_EQ(answers[i].inference.outcome.logits, expected) << i;
  }
  EXPECT_EQ(answers[1].inference.outcome.code, Exit::data);
  EXPECT_EQ(batcher_.admitted(), 0u);
}

TEST_F(OnItsWay, WhatIsTooLateIsNotDecoded) {
  const auto now = Turn::Clock::now();
  bool decoded = false;
  const auto decode = [&] { return decoded = true, tiny_image(1); };
  const auto model = tiny_model(folder_, 1);
  const auto late = ask(model, {decode}, Turn::of(now - std::chrono::seconds(61), 1)).get();
  EXPECT_EQ(late.at(0).inference.outcome.code, Exit::stopped);
  EXPECT_EQ(late.at(0).inference.outcome.error, kTooLate);
  EXPECT_FALSE(decoded);
  EXPECT_EQ(ask(model, {decode}, Turn::of(now, 1)).get().at(0).inference.outcome.code, Exit::ok);
}

}  // namespace
}  // namespace pc::serve
