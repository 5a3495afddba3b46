// Logits as answers: top-k, softmax, JSON and text.
#include "tools/predict/answer.h"

#include <fmt/format.h>

#include <cmath>

#include "tests/predict/fixture.h"

namespace pc::predict {
namespace {

TEST(TopGuesses, AreASoftmaxOverAllClasses) {
  const std::vector<float> logits{0.f, 2.f, -1.f, 1.f};
  double sum = 0, all = 0;
  for (const float z : logits) sum += std::exp(double(z));
  EXPECT_NEAR(top_guesses(logits, 1, 1, 1)[0].p, std::exp(2.0) / sum, 1e-12);
  for (const Guess& guess : top_guesses(logits, 1, 1, 99)) all += guess.p;
  EXPECT_NEAR(all, 1, 1e-12);
}

TEST(TopGuesses, EqualOnesComeByIndexAndHugeLogitsDoNotOverflow) {
  const auto guesses = top_guesses({900.f, 900.f, -900.f}, 1, 0, 3);
  EXPECT_EQ(guesses[0].label, 0u);
  EXPECT_EQ(guesses[1].label, 1u);
  EXPECT_DOUBLE_EQ(guesses[0].p, 0.5);
}

TEST(TopGuesses, TheNamedLabelComesFirst) {
  const auto guesses = top_guesses({0.f, 2.f, -1.f, 1.f}, 1, 2, 3);
  ASSERT_EQ(guesses.size(), 3u);
  EXPECT_EQ(guesses[0].label, 2u);
  EXPECT_EQ(guesses[1].label, 1u);
  EXPECT_EQ(guesses[2].label, 3u);
  EXPECT_TRUE(top_guesses({0.f, 2.f}, 1, -1, 3).empty());
  const auto equal = top_guesses({1, 3, 1, 1}, 1, 1, 4);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(equal[i].label, (std::vector<std::size_t>{1, 0, 2, 3})[i]);
}

TEST(TopGuesses, ATemperatureFlattens) {
  EXPECT_NEAR(top_guesses({2.f, 0.f}, 4, 0, 1)[0].p, 1 / (1 + std::exp(-0.5)), 1e-12);
}

Outcome known_outcome() { return {.logits = {{0.f, 3.f, 1.f}, {1.f, 0.f, 0.f}}, .error = "", .code = Exit::ok}; }

TEST(Answer, JsonHasTheDocumentedShapeInTheModelsOrder) {
  const auto json = to_json("p.jpg", known_outcome(), test::tiny_info(), {.top_k = 2});
  EXPECT_EQ(json.dump().find("{\"file\":\"p.jpg\",\"status\":\"ok\",\"heads\":{\"kind\":[{\"label\":\"b\",\"p\":"), 0u);
  EXPECT_LT(json.dump().find("\"kind\""), json.dump().find("\"colour\""));
  EXPECT_EQ(json["heads"]["kind"].size(), 2u);
  EXPECT_EQ(json["heads"]["kind"][1]["label"], "c");
  EXPECT_FALSE(json.contains("logits"));
}

TEST(Answer, AFailureHasItsKindAndItsLine) {
  const auto json = to_json("p.jpg", {.error = "p.jpg: empty file", .code = Exit::data}, test::tiny_info(), {});
  EXPECT_EQ(json.dump(), R"({"file":"p.jpg","status":"bad picture","error":"p.jpg: empty file"})");
}

// As many cells in every row as the header has, whatever became of the image.
TEST(Answer, CsvRowsWithoutACalibrationAndWithoutAnAnswer) {
  const ModelInfo info = test::tiny_info();
  const double e = std::exp(1.0), p = e * e * e / (1 + e + e * e * e), q = e / (2 + e);
  Outcome outcome = known_outcome();
  outcome.similar = {{.file = "-1,\"", .cosine = 0.5f}};
  EXPECT_EQ(csv_header(info, {.similar = 2}),
            "file,status,error,verdict,kind,kind_p,colour,colour_p,similar_1,similar_1_cosine,similar_2,"
            "similar_2_cosine\n");
  EXPECT_EQ(to_csv("=1", outcome, info, {.similar = 2}),
            fmt::format("'=1,ok,,,b,{:.6f},red,{:.6f},\"'-1,\"\"\",0.500000,,\n", p, q));
  EXPECT_EQ(to_csv("p", {.error = "p: \"x\"", .code = Exit::file}, info, {.similar = 2}),
            "p,file,\"p: \"\"x\"\"\",,,,,,,,,\n");
  EXPECT_EQ(to_csv("p", {.error = "@", .code = Exit::limit}, info, {}), "p,limit,'@,,,,,\n");
}

TEST(Answer, TextAlignsLabelsAndHidesControlCharacters) {
  ModelInfo info = test::tiny_info();
  info.heads[0].labels = {"a", "b\033[31m", "größer"};
  const std::string text = to_text("x\ny", known_outcome(), info, {.top_k = 2});
  EXPECT_EQ(text.find("x?y\n  kind    b?[31m  "), 0u) << text;
  EXPECT_HAS(text, "          größer  ");
  EXPECT_LACKS(text, '\033');
}

TEST(Answer, ColorNeedsToBeAskedFor) {
  const ModelInfo info = test::tiny_info();
  EXPECT_HAS(to_text("p", known_outcome(), info, {.bars = true, .color = true}), "\033[36m");
  const std::string plain = to_text("p", known_outcome(), info, {.bars = true});
  EXPECT_LACKS(plain, '\033');
  EXPECT_HAS(plain, "█");
}

}  // namespace
}  // namespace pc::predict
