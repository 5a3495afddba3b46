// Batches: everyone gets his own answer, of his own model, and gives his place back.
#include "tools/serve/batcher.h"

#include <gtest/gtest.h>

#include <future>
#include <limits>

#include "tests/serve/tiny_model.h"
#include "tests/support.h"

namespace pc::serve {
namespace {

class Batches : public testing::Test {
 protected:
  std::shared_ptr<ServedModel> model(uint64_t seed) { return tiny_model(folder_, seed); }
  static Tensor input(const ServedModel& model, int seed) { return model.predictor.prepare(tiny_image(seed)); }
  // Adds a job; what comes of it.
  static std::future<Inference> add(Batcher& batcher, std::shared_ptr<ServedModel> model, Tensor input,
                                    Turn turn = {}) {
    auto promise = std::make_shared<std::promise<Inference>>();
    auto places = batcher.admit({0});
    batcher.add({.model = std::move(model),
                 .input = std::move(input),
                 .turn = turn,
                 .place = std::move(places.at(0)),
                 .done = [promise](Inference inference) { promise->set_value(std::move(inference)); }});
    return promise->get_future();
  }
  test::TemporaryFolder folder_;
  Metrics metrics_;
};

TEST_F(Batches, ModelsAreNotMixed) {
  const auto one = model(1), two = model(2);
  std::vector<predict::Logits> expected;
  for (int i = 0; i < 40; ++i) {
    const auto& of = i % 3 ? one : two;
    expected.push_back(of->predictor.predict({input(*of, i)}).front());
  }
  Batcher batcher({.max_batch = 4, .queue = 40}, metrics_);
  std::vector<std::future<Inference>> answers;
  for (int i = 0; i < 40; ++i) {
    const auto& of = i % 3 ? one : two;
    answers.push_back(add(batcher, of, input(*of, i)));
  }
  for (std::size_t i = 0; i < 40; ++i) EXPECT_EQ(answers[i].get().outcome.logits, expected[i]) << i;
  EXPECT_LACKS(metrics_.text({}), "pc_batch_pictures_bucket{le=\"4\"} 0");
}

TEST_F(Batches, PlacesAreCountedAndComeBack) {
  Batcher batcher({.queue = 3}, metrics_);
  {
    const auto places = batcher.admit({1, 2});
    EXPECT_EQ(places.size(), 2u);
    EXPECT_EQ(batcher.admitted(), 2u);
    EXPECT_TRUE(batcher.admit({0, 0}).empty());
    EXPECT_EQ(batcher.admit({0}).size(), 1u);
  }
  EXPECT_EQ(batcher.admitted(), 0u);
  const auto served = model(1);
  std::promise<std::size_t> admitted;  // when the answer comes
  auto places = batcher.admit({0});
  batcher.add(
      {.model = served, .input = input(*served, 1), .place = std::move(places.at(0)), .done = [&](const Inference&) {
         admitted.set_value(batcher.admitted());
       }});
  EXPECT_EQ(admitted.get_future().get(), 0u);
}

// Of an empty queue all, else half of what is free, rounded down, and the last place: by number and by pixels.
TEST_F(Batches, WhatARequestMayTakeIsExact) {
  for (const bool by_pixels : {false, true}) {
    Batcher batcher(by_pixels ? BatchSettings{.queue = 1000, .pixels = 11} : BatchSettings{.queue = 11}, metrics_);
    const auto admit = [&](int64_t amount) {
      return batcher.admit(by_pixels ? std::vector<int64_t>{amount} : std::vector<int64_t>(std::size_t(amount)));
    };
    EXPECT_TRUE(admit(12).empty());
    EXPECT_FALSE(admit(11).empty());
    std::vector<std::vector<Batcher::Place>> held;
    // With 11 places: 5, then 6 are free; then 3, 2, 1 and none.
    for (const auto& [most, taken] : {std::pair(11, 5), {3, 3}, {1, 1}, {1, 1}, {1, 1}}) {
      EXPECT_TRUE(admit(most + 1).empty()) << most;
      EXPECT_FALSE(admit(most).empty()) << most;
      held.push_back(admit(taken));
    }
    EXPECT_TRUE(admit(1).empty());
    held.erase(held.begin());
    EXPECT_TRUE(admit(3).empty());
    EXPECT_FALSE(admit(2).empty());
  }
}

TEST_F(Batches, AShortRequestOvertakesALongOne) {
  const auto served = model(1);
  const auto now = Turn::Clock::now();
  std::vector<int> order;
  std::mutex mutex;
  std::vector<std::future<Inference>> answers;
  {
    Batcher batcher({.max_batch = 1}, metrics_);
    std::promise<void> begun, go;
    const auto ask = [&](int name, Turn turn) {
      auto places = batcher.admit({0});
      batcher.add({.model = served,
                   .input = input(*served, name),
                   .turn = turn,
                   .place = std::move(places.at(0)),
                   .done = [&, name](const Inference&) {
                     if (name == 0) begun.set_value(), go.get_future().wait();
                     const std::lock_guard lock(mutex);
                     order.push_back(name);
                   }});
    };
    ask(0, {});  // the network is busy with it until the others are there
    begun.get_future().wait();
    for (const int name : {1, 2}) ask(name, Turn::of(now, 64'000'000));
    ask(3, Turn::of(now + std::chrono::seconds(2), 1'000'000));
    ask(4, Turn::of(now + std::chrono::seconds(9), 1'000'000));  // came too late to overtake
    go.set_value();
  }
  EXPECT_EQ(order, (std::vector<int>{0, 3, 1, 2, 4}));
}

TEST_F(Batches, WhatWaitedTooLongIsNotComputed) {
  const auto served = model(1);
  Batcher batcher({.patience = std::chrono::seconds(0)}, metrics_);
  const predict::Outcome outcome = add(batcher, served, input(*served, 1)).get().outcome;
  EXPECT_EQ(outcome.code, Exit::stopped);
  EXPECT_EQ(outcome.error, kTooLate);
  EXPECT_HAS(metrics_.text({}), "pc_batch_pictures_count 0\n");
  // The time runs from the request's arrival, decoding included.
  Batcher patient({.patience = std::chrono::seconds(60)}, metrics_);
  const auto before = Turn::Clock::now() - std::chrono::seconds(61);
  EXPECT_TRUE(patient.late(before));
  EXPECT_EQ(add(patient, served, input(*served, 1), Turn::of(before, 0)).get().outcome.code, Exit::stopped);
  EXPECT_EQ(add(patient, served, input(*served, 1)).get().outcome.code, Exit::ok);
}

TEST_F(Batches, AFailureIsThatOfItsBatchAlone) {
  const auto served = model(1);
  Batcher batcher({.max_batch = 1}, metrics_);
  Tensor undefined = input(*served, 1);
  undefined.as<float>()[0] = std::numeric_limits<float>::quiet_NaN();
  auto bad = add(batcher, served, undefined),
       unlike = add(batcher, served, Tensor::zeros({1, 3, 3, 5}, DType::f32, Device::cpu));
  auto good = add(batcher, served, input(*served, 1));
  EXPECT_EQ(bad.get().outcome.code, Exit::numeric);
  EXPECT_NE(unlike.get().outcome.error, "");
  EXPECT_EQ(good.get().outcome.logits, served->predictor.predict({input(*served, 1)}).front());
  EXPECT_EQ(batcher.admitted(), 0u);
}

TEST_F(Batches, WhatIsHeldIsAnsweredBeforeTheEnd) {
  const auto served = model(1);
  std::vector<std::future<Inference>> answers;
  {
    Batcher batcher({.max_batch = 2, .max_delay = std::chrono::seconds(60)}, metrics_);
    for (int i = 0; i < 7; ++i) answers.push_back(add(batcher, served, input(*served, i)));
  }
  for (auto& answer : answers) EXPECT_EQ(answer.get().outcome.code, Exit::ok);
}

// How many batches had so many pictures at most.
class Gathered : public Batches {
 protected:
  std::string batches(int most) {
    const std::string text = metrics_.text({}), name = "pc_batch_pictures_bucket{le=\"" + std::to_string(most) + "\"} ";
    const std::size_t at = text.find(name) + name.size();
    return text.substr(at, text.find('\n', at) - at);
  }
};

TEST_F(Gathered, ABatchIsAsLargeAsItMayBe) {
  const auto served = model(1);
  std::promise<void> begun, go;
  std::vector<std::future<Inference>> answers;
  {
    Batcher batcher({.max_batch = 4}, metrics_);
    auto places = batcher.admit({0});
    batcher.add(
        {.model = served, .input = input(*served, 1), .place = std::move(places.at(0)), .done = [&](const Inference&) {
           begun.set_value(), go.get_future().wait();
         }});
    begun.get_future().wait();  // the network is busy until the others are there
    for (int i = 0; i < 9; ++i) answers.push_back(add(batcher, served, input(*served, i)));
    go.set_value();
    for (auto& answer : answers) EXPECT_EQ(answer.get().outcome.code, Exit::ok);
  }
  EXPECT_EQ(batches(1), "2");  // the first and the last
  EXPECT_EQ(batches(2), "2");
  EXPECT_EQ(batches(4), "4");
  EXPECT_EQ(batches(256), "4");
}

// It waits while a picture that was admitted is on its way, and only then.
TEST_F(Gathered, ABatchWaitsForWhatIsOnItsWay) {
  const auto served = model(1);
  Batcher batcher({.max_batch = 4, .max_delay = std::chrono::seconds(1000), .patience = std::chrono::seconds(2000)},
                  metrics_);
  auto alone = add(batcher, served, input(*served, 1));
  ASSERT_EQ(alone.wait_for(std::chrono::seconds(20)), std::future_status::ready);
  auto on_its_way = batcher.admit({0, 0});
  auto first = add(batcher, served, input(*served, 2));
  EXPECT_EQ(first.wait_for(std::chrono::milliseconds(50)), std::future_status::timeout);
  on_its_way.pop_back();  // one fails
  EXPECT_EQ(first.wait_for(std::chrono::milliseconds(50)), std::future_status::timeout);
  on_its_way.clear();
  auto second = add(batcher, served, input(*served, 3));
  ASSERT_EQ(first.wait_for(std::chrono::seconds(20)), std::future_status::ready);
  ASSERT_EQ(second.wait_for(std::chrono::seconds(20)), std::future_status::ready);
  // One of another model ends the wait.
  on_its_way = batcher.admit({0});
  auto third = add(batcher, served, input(*served, 2));
  const auto another = model(2);
  auto other = add(batcher, another, input(*another, 2));
  ASSERT_EQ(third.wait_for(std::chrono::seconds(20)), std::future_status::ready);
  EXPECT_EQ(other.wait_for(std::chrono::milliseconds(50)), std::future_status::timeout);
  for (int i = 0; i < 3; ++i) add(batcher, another, input(*another, i));  // it is full
  ASSERT_EQ(other.wait_for(std::chrono::seconds(20)), std::future_status::ready);
}

// No other picture comes, though one is on its way.
TEST_F(Gathered, ABatchWaitsNoLongerThanItsFirstPictureMay) {
  const auto served = model(1);
  Batcher batcher({.max_delay = std::chrono::milliseconds(1)}, metrics_);
  const auto on_its_way = batcher.admit({0});
  EXPECT_EQ(add(batcher, served, input(*served, 1)).wait_for(std::chrono::seconds(20)), std::future_status::ready);
}

}  // namespace
}  // namespace pc::serve
