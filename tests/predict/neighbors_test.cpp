// The index of a catalog: its order, its checks, and pcindex with pcpredict --similar.
#include "tools/predict/neighbors.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "engine/safetensors_write.h"
#include "kernels/base/random.h"
#include "tests/predict/fixture.h"

namespace pc::predict {
namespace {

using namespace test;

// Cosines in f64; every fifth embedding is twice another, which is the same direction to the bit.
TEST(EmbeddingIndex, FollowsTheDefinition) {
  constexpr int kFiles = 40, kWide = 7;
  const TemporaryFolder folder;
  IndexBuilder builder;
  std::vector<std::vector<float>> all;
  for (uint64_t i = 0; i < kFiles; ++i) {
    std::vector<float>& own = all.emplace_back();
    for (uint64_t d = 0; d < kWide; ++d)
      own.push_back(i % 5 == 4 ? 2 * all[i - 3][d] : uniform(philox(3, i, d).word[0]) - 0.4f);
    builder.add(fmt::format("{}", i), own);
  }
  builder.write(folder / "index", "w");
  const EmbeddingIndex index(folder / "index", "w");
  EXPECT_EQ(index.size(), kFiles);
  for (uint64_t q = 0; q < 5; ++q) {
    std::vector<float> query;
    for (uint64_t d = 0; d < kWide; ++d) query.push_back(uniform(philox(4, q, d).word[0]) - 0.4f);
    const auto cosine = [&](const std::vector<float>& one) {
      double dot = 0, a = 0, b = 0;
      for (std::size_t d = 0; d < kWide; ++d)
        dot += double(one[d]) * query[d], a += double(one[d]) * one[d], b += double(query[d]) * query[d];
      return dot / std::sqrt(a * b);
    };
    std::vector<int> order(kFiles);
    for (int i = 0; i < kFiles; ++i) order[std::size_t(i)] = i % 5 == 4 ? i - 3 : i;  // twins stand together …
    std::stable_sort(order.begin(), order.end(),
                     [&](int a, int b) { return cosine(all[std::size_t(a)]) > cosine(all[std::size_t(b)]); });
    const auto found = index.nearest(query, 99);
    ASSERT_EQ(found.size(), std::size_t(kFiles));
    ASSERT_EQ(index.nearest(query, 3).size(), 3u);
    EXPECT_EQ(index.nearest(query, 3)[2].file, found[2].file);
    for (std::size_t i = 0; i < kFiles; ++i) {
      const bool second = i > 0 && order[i - 1] == order[i];
      EXPECT_EQ(found[i].file, fmt::format("{}", order[i] + (second ? 3 : 0))) << "… in the order of the index";
      EXPECT_NEAR(found[i].cosine, cosine(all[std::size_t(order[i])]), 1e-6);
    }
  }
}

TEST(EmbeddingIndex, RefusesWhatDoesNotFit) {
  const TemporaryFolder folder;
  EXPECT_HAS(refusal([&] { IndexBuilder().write(folder / "none", "w"); }), "no image could be read");
  IndexBuilder builder;
  builder.add("a", std::vector<float>{1, 0});
  builder.write(folder / "index", "w");
  EXPECT_HAS(refusal([&] { EmbeddingIndex(folder / "index", "v"); }), "made with another model's weights");
  EXPECT_HAS(refusal([&] { EmbeddingIndex(tiny_model(), "w"); }), "not an index of a catalog");
  const EmbeddingIndex index(folder / "index", "w");
  EXPECT_HAS(refusal([&] { index.nearest(std::vector<float>{1, 0, 0}, 1); }), "2 features an image, the model has 3");
  for (const char* name : {"features", "files"}) {
    WeightFile file = read_safetensors(folder / "index");
    for (FileTensor& tensor : file.tensors)
      if (tensor.name == name) tensor.shape[0] = 0;
    write_safetensors(folder / "broken", file);
    EXPECT_HAS(refusal([&] { EmbeddingIndex(folder / "broken", "w"); }), "broken index: features") << name;
    std::erase_if(file.tensors, [&](const FileTensor& tensor) { return tensor.name == name; });
    write_safetensors(folder / "broken", file);
    EXPECT_HAS(refusal([&] { EmbeddingIndex(folder / "broken", "w"); }), "broken index: no tensor") << name;
  }
}

class PcIndex : public testing::Test {
 protected:
  void SetUp() override {
    for (int i = 0; i < 6; ++i) write_text(folder_ / fmt::format("shop/{}.png", i), png_of(make_picture(i)));
  }
  Ran run(const std::string& command) { return shell(folder_.path(), command); }
  TemporaryFolder folder_;
};

TEST_F(PcIndex, APictureIsNearestToItself) {
  ASSERT_EQ(run("\"$BIN/pcindex\" -m \"$MODEL\" -o index shop").code, 0);
  const auto lines = run("\"$BIN/pcpredict\" -m \"$MODEL\" --json --similar 2 --index index shop").lines();
  ASSERT_EQ(lines.size(), 6u);
  for (const auto& line : lines) {
    ASSERT_EQ(line["similar"].size(), 2u);
    EXPECT_EQ(line["similar"][0]["file"], line["file"]);
    EXPECT_NEAR(line["similar"][0]["cosine"].get<double>(), 1, 1e-5);
    EXPECT_LE(line["similar"][1]["cosine"], line["similar"][0]["cosine"]);
  }
  const std::string csv = run("\"$BIN/pcpredict\" -m \"$MODEL\" --csv --similar 1 --index index shop/3.png").out;
  EXPECT_HAS(csv, ",similar_1,similar_1_cosine\n");
  EXPECT_HAS(csv, ",shop/3.png,1.0000");
  const std::string text = run("\"$BIN/pcpredict\" -m \"$MODEL\" --similar 1 --index index shop/3.png").out;
  EXPECT_HAS(text, "  similar 1.000  shop/3.png\n");
}

TEST_F(PcIndex, IsOfTheWeightsBelowTheHeads) {
  const ModelInfo info = tiny_info();
  save_model(folder_ / "other", info, *make_classifier(info.architecture, info.head_shapes(), 4));
  LoadedModel same = load_model(tiny_model());
  same.info.heads[0].labels[0] = "renamed";
  save_model(folder_ / "renamed", same.info, *same.model);
  ASSERT_EQ(run("\"$BIN/pcindex\" -m \"$MODEL\" -o index shop").code, 0);
  const Ran other = run("\"$BIN/pcpredict\" -m other --similar 1 --index index shop/3.png");
  EXPECT_TRUE(ended(other, 3, "index: made with another model's weights or preprocessing"));
  EXPECT_EQ(run("\"$BIN/pcpredict\" -m renamed --similar 1 --index index shop/3.png").code, 0);
}

TEST_F(PcIndex, NamesWhatItLeavesOut) {
  write_text(folder_ / "shop/9.png", "");
  const Ran ran = run("\"$BIN/pcindex\" -m \"$MODEL\" -o index shop");
  EXPECT_EQ(ran.code, 3);
  EXPECT_EQ(ran.err, "pcindex: shop/9.png: empty file; copy or download it again\nindex: 6 images, 1 left out\n");
  for (const char* arguments : {"--similar 1 shop", "--index index shop", "--similar 0 --index index shop"})
    EXPECT_EQ(run(std::string("\"$BIN/pcpredict\" -m \"$MODEL\" ") + arguments).code, 2) << arguments;
}

}  // namespace
}  // namespace pc::predict
