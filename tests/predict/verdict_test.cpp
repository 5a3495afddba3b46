// Verdicts: what is confident, what a person has to see, what is out of distribution; and pcpredict saying so.
#include "tools/predict/verdict.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "kernels/base/random.h"
#include "tests/predict/fixture.h"
#include "tools/predict/answer.h"

namespace pc::predict {
namespace {

using Rows = std::vector<std::vector<float>>;

constexpr double kNever = std::numeric_limits<double>::infinity();

// kind (clothes, shoes) <- type (boots, sandals, shirts); color stands alone.
ModelInfo shop() {
  ModelInfo info;
  info.architecture = "resnet18";
  info.heads = {{"kind", {"clothes", "shoes"}}, {"type", {"boots", "sandals", "shirts"}}, {"color", {"red", "blue"}}};
  info.preprocess = {.height = 32, .width = 32};
  info.hierarchy = {{.fine = 1, .coarse = 0, .coarse_of = {{1}, {1}, {0}}}};
  info.calibration = {
      .heads = {{.temperature = 1, .thresholds = {{95, {0.9, 0.9}}, {99, {0.99, 0.99}}}},
                {.temperature = 2, .thresholds = {{95, {0.6, kNever, 0.6}}, {99, {kNever, kNever, kNever}}}},
                {.temperature = 1, .thresholds = {{95, {0.7, 0.7}}, {99, {0.7, 0.7}}}}},
      .novelty = NoveltyRule{.head = 1, .directions = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}, .limit = 0.3}};
  return info;
}

// The logit that gives the first of two labels the probability p.
float logit(double p) { return float(std::log(p / (1 - p))); }

TEST(Verdict, AcceptedWhereEveryHeadIsSure) {
  const Rows logits{{0, 5}, {8, 0, 0}, {logit(0.8), 0}};
  const auto named = named_labels(shop(), logits, 95);
  EXPECT_EQ(named[0].label, 1);
  EXPECT_EQ(named[1].label, 0);
  EXPECT_NEAR(named[1].p, std::exp(4.0) / (std::exp(4.0) + 2), 1e-12);  // temperature 2
  EXPECT_NEAR(named[2].p, 0.8, 1e-6);
  EXPECT_EQ(verdict_of(shop(), logits, named), Verdict::accepted);
}

TEST(Verdict, ReviewWhereOneIsNot) {
  const Rows logits{{0, 5}, {8, 0, 0}, {logit(0.65), 0}};
  const auto named = named_labels(shop(), logits, 95);
  EXPECT_TRUE(named[0].confident && named[1].confident);
  EXPECT_FALSE(named[2].confident);
  EXPECT_EQ(verdict_of(shop(), logits, named), Verdict::review);
  EXPECT_EQ(verdict_of(shop(), logits, named_labels(shop(), logits, 42)), Verdict::review);  // no threshold for that
}

// Two equal logits give a probability of exactly 1/2 at any temperature.
TEST(Verdict, AProbabilityAtTheThresholdIsEnough) {
  ModelInfo info = shop();
  const Rows logits{{0, 5}, {8, 0, 0}, {3, 3}};
  for (const auto& [least, enough] : {std::pair{0.5, true}, {std::nextafter(0.5, 1), false}}) {
    info.calibration->heads[2].thresholds[0].of_label = {least, 0};
    const auto named = named_labels(info, logits, 95);
    EXPECT_EQ(named[2].label, 0) << "the first of equal ones";
    EXPECT_EQ(named[2].p, 0.5);
    EXPECT_EQ(named[2].confident, enough);
    EXPECT_EQ(verdict_of(info, logits, named), enough ? Verdict::accepted : Verdict::review);
    EXPECT_FALSE(named_labels(info, logits, 99)[2].confident) << "0.7 for that";
  }
}

TEST(Verdict, ANoveltyAtTheLimitIsNotBeyondIt) {
  ModelInfo info = shop();
  const Rows logits{{0, 5}, {8, 1, 0}, {5, 0}};
  const double score = novelty(*info.calibration->novelty, logits);
  EXPECT_NEAR(score, 1 - 8 / std::sqrt(65.0), 1e-12);
  for (const auto& [limit, verdict] :
       {std::pair{score, Verdict::accepted}, {std::nextafter(score, 0), Verdict::out_of_distribution}}) {
    info.calibration->novelty->limit = limit;
    EXPECT_EQ(verdict_of(info, logits, named_labels(info, logits, 95)), verdict);
  }
}

// As far up as the chain reaches, and no further down than the label that is sure.
TEST(Verdict, ASureLabelMakesAllCoarserOnesSure) {
  ModelInfo info;
  info.heads = {{"top", {"a", "b"}}, {"fine", {"a1", "b1"}}, {"middle", {"a0", "b0"}}};
  info.hierarchy = {{.fine = 1, .coarse = 2, .coarse_of = {{0}, {1}}},
                    {.fine = 2, .coarse = 0, .coarse_of = {{0}, {1}}}};
  const auto sure = [&](double top, double fine, double middle) {
    info.calibration = Calibration{.heads = {{.thresholds = {{95, {top, top}}}},
                                             {.thresholds = {{95, {fine, fine}}}},
                                             {.thresholds = {{95, {middle, middle}}}}},
                                   .novelty = {}};
    const auto named = named_labels(info, {{1, 0}, {1, 0}, {1, 0}}, 95);
    return std::vector<bool>{named[0].confident, named[1].confident, named[2].confident};
  };
  EXPECT_EQ(sure(1, 0, 1), (std::vector<bool>{true, true, true}));
  EXPECT_EQ(sure(1, 1, 0), (std::vector<bool>{true, false, true}));
  EXPECT_EQ(sure(0, 1, 1), (std::vector<bool>{true, false, false}));
  EXPECT_EQ(sure(1, 1, 1), (std::vector<bool>{false, false, false}));
}

TEST(Verdict, ALabelMayNeverBeSure) {
  const auto named = named_labels(shop(), {{0, 5}, {0, 40, 0}, {5, 0}}, 95);
  EXPECT_EQ(named[1].label, 1);
  EXPECT_FALSE(named[1].confident);
  EXPECT_EQ(confident_labels(shop(), {0, 1}, named), (std::vector<std::string>{"shoes"}));
}

TEST(Verdict, NoProductBeyondTheNoveltyLimit) {
  const ModelInfo info = shop();
  const Rows strange{{0, 9}, {4, 3.9f, 4}, {9, 0}}, known{{0, 9}, {0.3f, 0.1f, 0}, {9, 0}};
  EXPECT_NEAR(novelty(*info.calibration->novelty, strange), 1 - 4 / std::sqrt(32 + 3.9 * 3.9), 1e-6);
  EXPECT_NEAR(novelty(*info.calibration->novelty, known), 1 - 3 / std::sqrt(10.0), 1e-6) << "the length does not count";
  EXPECT_EQ(novelty(*info.calibration->novelty, {{0, 9}, {0, 0, 0}, {9, 0}}), 1);
  EXPECT_EQ(verdict_of(info, strange, named_labels(info, strange, 95)), Verdict::out_of_distribution);
  EXPECT_NE(verdict_of(info, known, named_labels(info, known, 95)), Verdict::out_of_distribution);
}

Outcome outcome_of(const Rows& logits) { return {.logits = logits, .error = "", .code = Exit::ok}; }

TEST(CalibratedAnswer, FirstGuessesAreNeverAnImpossiblePair) {
  const ModelInfo info = shop();
  int repaired = 0;
  for (uint64_t seed = 0; seed < 300; ++seed) {
    Rows logits;
    for (std::size_t h = 0; h < 3; ++h) {
      logits.emplace_back();
      for (std::size_t c = 0; c < info.heads[h].labels.size(); ++c)
        logits[h].push_back(8 * uniform(philox(seed, h, c).word[0]));
    }
    const auto json = to_json("p", outcome_of(logits), info, {.top_k = 2});
    const std::string kind = json["heads"]["kind"][0]["label"], type = json["heads"]["type"][0]["label"];
    EXPECT_EQ(kind == "clothes", type == "shirts") << json;
    const std::string text = to_text("p", outcome_of(logits), info, {.top_k = 1});
    EXPECT_EQ(text.find("clothes") != text.npos, text.find("shirts") != text.npos) << text;
    repaired += json["heads"]["kind"][0]["p"] < json["heads"]["kind"][1]["p"] ||
                json["heads"]["type"][0]["p"] < json["heads"]["type"][1]["p"];
  }
  EXPECT_GT(repaired, 30);  // else there was nothing to repair
}

TEST(CalibratedAnswer, ProbabilitiesAreThoseOfTheHeadAlone) {
  const auto json = to_json("p", outcome_of({{2, 0}, {8, 0, 0}, {5, 0}}), shop(), {});
  EXPECT_EQ(json["heads"]["kind"][0]["label"], "shoes");  // the type says so
  EXPECT_NEAR(json["heads"]["kind"][0]["p"].get<double>(), 1 / (1 + std::exp(2.0)), 1e-9);
  double sum = 0;
  for (const auto& guess : json["heads"]["type"]) sum += guess["p"].get<double>();
  EXPECT_NEAR(sum, 1, 1e-12);
}

// softmax(z / temperature), written out: in JSON, text and CSV alike.
TEST(CalibratedAnswer, TheTemperatureIsAppliedOnceEverywhere) {
  ModelInfo info = shop();
  info.calibration->heads[0].temperature = 0.5;
  info.calibration->heads[2].temperature = 3;
  const double p[] = {1 / (1 + std::exp(-0.4 / 0.5)), 1 / (1 + std::exp(-0.8 / 2) + std::exp(-1.0 / 2)),
                      1 / (1 + std::exp(-2.0 / 3))};
  const auto outcome = outcome_of({{0.1f, 0.5f}, {1, 0.2f, 0}, {0, 2}});
  const char* labels[] = {"shoes", "boots", "blue"};
  const auto json = to_json("p", outcome, info, {});
  const std::string text = to_text("p", outcome, info, {.top_k = 1});
  std::string csv = "p,ok,,needs review";
  for (std::size_t h = 0; h < 3; ++h) {
    EXPECT_EQ(json["heads"][info.heads[h].name][0]["label"], labels[h]);
    EXPECT_NEAR(json["heads"][info.heads[h].name][0]["p"].get<double>(), p[h], 1e-7);
    EXPECT_HAS(text, fmt::format("  {:<5}  {:<5} {:5.1f} %\n", info.heads[h].name, labels[h], 100 * p[h]));
    csv += fmt::format(",{},{:.6f},yes", labels[h], p[h]);
  }
  EXPECT_EQ(to_csv("p", outcome, info, {}), csv + "\n");
  EXPECT_EQ(csv_header(info, {.similar = 2}),
            "file,status,error,verdict,kind,kind_p,kind_review,type,type_p,type_review,color,color_p,color_review,"
            "similar_1,similar_1_cosine,similar_2,similar_2_cosine\n");
}

TEST(CalibratedAnswer, JsonSaysWhatToDoWithThePicture) {
  const auto json = to_json("p", outcome_of({{0, 5}, {0, 8, 0}, {logit(0.65), 0}}), shop(), {});
  EXPECT_EQ(json["status"], "ok");
  EXPECT_EQ(json["verdict"], "needs review");
  EXPECT_EQ(json["review"].dump(), R"(["type","color"])");
  EXPECT_EQ(json["paths"].dump(), R"([["shoes"]])");
  EXPECT_EQ(json["novelty"]["limit"], 0.3);
  EXPECT_EQ(json["novelty"]["score"], 0);
  EXPECT_EQ(json["preprocess"]["height"], 32);
}

TEST(CalibratedAnswer, TextNamesTheDeepestSureLevel) {
  const auto text_of_one = [](const Rows& logits) { return to_text("p", outcome_of(logits), shop(), {.top_k = 1}); };
  EXPECT_TRUE(text_of_one({{0, 5}, {8, 0, 0}, {5, 0}}).ends_with("  shoes > boots\n  accepted\n"));
  EXPECT_TRUE(text_of_one({{0, 5}, {0, 8, 0}, {5, 0}}).ends_with("  shoes > ?\n  needs review: type\n"));
  EXPECT_TRUE(text_of_one({{0, 1}, {0, 8, 0}, {5, 0}}).ends_with("  ?\n  needs review: kind, type\n"));
  const std::string strange = to_text("p", outcome_of({{0, 9}, {0, 0, 0}, {9, 0}}), shop(), {});
  EXPECT_TRUE(strange.ends_with("  unlike the training images\n")) << strange;
  EXPECT_LACKS(strange, '>');
}

// The finer labels of "shoes" are unknown: none is named.
TEST(CalibratedAnswer, AHeadMayNameNothing) {
  ModelInfo info = shop();
  info.hierarchy[0].coarse_of = {{0}, {0}, {0}};
  const auto outcome = outcome_of({{0, 9}, {2, 0, 0}, {5, 0}});
  const auto json = to_json("p", outcome, info, {});
  EXPECT_EQ(json["heads"]["type"].dump(), "[]");
  EXPECT_EQ(json["paths"].dump(), R"([["shoes"]])");
  EXPECT_HAS(to_text("p", outcome, info, {}), "  type   ?\n");
}

TEST(UncalibratedAnswer, HasNoVerdict) {
  const ModelInfo info = test::tiny_info();
  const Rows logits{{0, 3, 1}, {1, 0, 0}};
  const auto json = to_json("p", outcome_of(logits), info, {});
  for (const char* key : {"verdict", "review", "paths", "novelty"}) EXPECT_FALSE(json.contains(key)) << key;
  const std::string text = to_text("p", outcome_of(logits), info, {});
  EXPECT_LACKS(text, "review");
}

class CalibratedPcPredict : public testing::Test {
 protected:
  void SetUp() override {
    const ModelInfo info = shop();
    save_model(folder_ / "m.safetensors", info, *make_classifier(info.architecture, info.head_shapes(), 3));
    test::write_text(folder_ / "p0.png", test::png_of(test::make_picture(0)));
  }
  test::Ran predict(const std::string& arguments) {
    return test::shell(folder_.path(), "\"$BIN/pcpredict\" --model m.safetensors " + arguments);
  }
  test::TemporaryFolder folder_;
};

TEST_F(CalibratedPcPredict, OnlyPrecisionsItWasCalibratedForCanBeAsked) {
  EXPECT_EQ(predict("--accept-at 99 p0.png").code, 0);
  const auto unknown = predict("--accept-at 80 p0.png");
  EXPECT_EQ(unknown.code, 2);
  EXPECT_EQ(unknown.err, "pcpredict: --accept-at 80: the model knows 95, 99\n");
  const auto plain = test::shell(folder_.path(), "\"$BIN/pcpredict\" --model \"$MODEL\" --accept-at 95 p0.png");
  EXPECT_EQ(plain.code, 2);
  EXPECT_EQ(plain.err, "pcpredict: --accept-at 95: the model is not calibrated\n");
}

TEST(Verdict, ThePrecisionIs95UnlessAnotherIsAskedFor) {
  EXPECT_EQ(precision_of(shop(), std::nullopt), 95);
  EXPECT_EQ(precision_of(shop(), 99), 99);
  EXPECT_THROW(precision_of(shop(), 90), Error);
  EXPECT_EQ(precision_of(test::tiny_info(), std::nullopt), 95);
}

TEST(Verdict, IsCountedInWords) {
  EXPECT_STREQ(counted_text(Verdict::accepted, 2), "accepted");
  EXPECT_STREQ(counted_text(Verdict::review, 1), "needs review");
  EXPECT_STREQ(counted_text(Verdict::review, 2), "need review");
  EXPECT_STREQ(counted_text(Verdict::out_of_distribution, 2), "unlike the training images");
}

}  // namespace
}  // namespace pc::predict
