// The figures that the programs show, in every form, against figures.py: definitions in Python, from the logits alone.
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "data/store.h"
#include "kernels/base/csv_writer.h"
#include "kernels/base/file.h"
#include "tests/predict/fixture.h"
#include "tests/train/runs.h"
#include "tools/evaluate/evaluate.h"
#include "tools/predict/verdict.h"

namespace pc::test {
namespace {

constexpr int kImages = 66;

void check(const std::string& arguments) {
  const Outcome python =
      run_program("/bin/sh", {"-c", "/usr/bin/python3 " PC_SOURCE_DIR "/tests/evaluate/figures.py " + arguments});
  EXPECT_EQ(python.code, 0) << python.err;
}

// Labels that a CSV quotes, a page escapes and a spreadsheet would run; bags have no finer labels.
ModelInfo shop() {
  ModelInfo info;
  info.architecture = "smallcnn";
  info.heads = {{"kind", {"bags", "clothes", "shoes"}},
                {"color", {"=blue, \"dark\"", "<green>", "no one", "red"}},
                {"type", {"boots", "hats", "nails", "sandals", "shirts"}}};
  info.preprocess = {.height = 32, .width = 32};
  info.hierarchy = {{.fine = 2, .coarse = 0, .coarse_of = {{2}, {1}, {1, 2}, {2}, {1}}}};
  info.calibration =
      Calibration{.heads = {{.temperature = 0.6}, {.temperature = 1.7}, {.temperature = 1.2}}, .novelty = {}};
  return info;
}

// Logits with mean 0 and deviation 2 over the images, so that every label is the answer now and then; but "nails" never.
void spread(Classifier& model, const std::vector<predict::Logits>& answers) {
  model.visit("", [&](const std::string& name, Var& value, Role) {
    if (!is_head(name)) return;
    const std::size_t h = name.find("kind") != name.npos ? 0 : name.find("color") != name.npos ? 1 : 2;
    const std::size_t classes = answers[0][h].size();
    std::vector<float> values = value.value().to_vector<float>();
    for (std::size_t c = 0; c < classes; ++c) {
      double mean = 0, squares = 0;
      for (const auto& logits : answers) mean += logits[h][c] / kImages;
      for (const auto& logits : answers) squares += (logits[h][c] - mean) * (logits[h][c] - mean) / kImages;
      const auto scale = float(2 / std::sqrt(squares));
      const std::size_t width = values.size() / classes;
      for (std::size_t i = c * width; i < (c + 1) * width; ++i)
        values[i] = width > 1 ? values[i] * scale : (values[i] - float(mean)) * scale - (h == 2 && c == 2 ? 50.f : 0.f);
    }
    value.set_value(Tensor::from(value.shape(), values, Device::cpu));
  });
}

std::vector<predict::Logits> answers_of(const std::filesystem::path& path) {
  predict::Predictor predictor(path, {});
  std::vector<predict::Logits> all;
  for (int i = 0; i < kImages; ++i) all.push_back(predictor.predict({predictor.prepare(make_picture(i))}).front());
  return all;
}

// Thresholds and a limit of novelty that are exactly the figure of one of the images.
void calibrate(ModelInfo& info, const std::vector<predict::Logits>& answers) {
  Calibration& calibration = *info.calibration;
  for (std::size_t h = 0; h < 3; ++h) {
    std::vector<std::vector<double>> p(info.heads[h].labels.size(), {2});
    for (const auto& logits : answers)
      if (const auto one = predict::named_labels(info, logits, 0)[h]; one.label >= 0)
        p[std::size_t(one.label)].push_back(one.p);
    Threshold usual{.percent = 95, .of_label = {}}, strict{.percent = 99, .of_label = {}};
    for (auto& of_label : p) {
      std::sort(of_label.begin(), of_label.end());
      usual.of_label.push_back(of_label[of_label.size() / 3]);
      strict.of_label.push_back(of_label.size() > 1 ? of_label[of_label.size() - 2]
                                                    : std::numeric_limits<double>::infinity());
    }
    calibration.heads[h].thresholds = {usual, strict};
  }
  calibration.novelty = NoveltyRule{.head = 1, .directions = {{0.6f, -0.8f, 0, 0}, {0, 0.6f, 0, 0.8f}, {0, 0, 1, 0}}};
  std::vector<double> scores;
  for (const auto& logits : answers) scores.push_back(novelty(*calibration.novelty, logits));
  std::sort(scores.begin(), scores.end());
  calibration.novelty->limit = scores[kImages - 9];
}

TEST(Figures, OfPcpredictAndPcevalFollowTheDefinitions) {
  const TemporaryFolder folder;
  ModelInfo info = shop();
  const auto model = make_classifier(info.architecture, info.head_shapes(), 3);
  save_model(folder / "m", info, *model);
  spread(*model, answers_of(folder / "m"));
  save_model(folder / "m", info, *model);
  const auto answers = answers_of(folder / "m");
  calibrate(info, answers);
  save_model(folder / "m", info, *model);
  // "bags" and "no one" are answers without an image, some colors are missing or unknown.
  std::string styles = "id,kind,color,type\n";
  for (int i = 0; i < kImages; ++i) {
    const int color = int(std::max_element(answers[i][1].begin(), answers[i][1].end()) - answers[i][1].begin());
    const std::string known = info.heads[1].labels[std::size_t(i % 2 && color != 2 ? color : i % 3 == 2 ? 3 : i % 3)];
    styles += fmt::format("{},{},{},{}\n", 100 + i, i % 3 ? "shoes" : "clothes",
                          i % 7 == 0    ? ""
                          : i % 11 == 0 ? "violet"
                                        : csv_field(known),
                          info.heads[2].labels[std::size_t(i % 5)]);
    write_text(folder / fmt::format("set/images/{}.png", 100 + i), png_of(make_picture(i)));
  }
  write_text(folder / "set/styles.csv", styles);
  for (const char* percent : {"95", "99"}) {
    const Ran ran = shell(
        folder.path(),
        fmt::format(
            "for form in 'json --logits --top-k 99' csv 'top-k 2'; do $BIN/pcpredict -m m --accept-at {0} --$form "
            "set/images >predictions{0}.${{form%% *}} || exit; done; mv predictions{0}.json predictions{0}.jsonl; "
            "mv predictions{0}.top-k predictions{0}.txt; "
            "$BIN/pceval m set --accept-at {0} --per-class --json --report page{0}.html >score{0}.json && "
            "$BIN/pceval m set --accept-at {0} --per-class >score{0}.txt",
            percent));
    ASSERT_EQ(ran.code, 0) << ran.err;
  }
  check("scored '" + folder.path().string() + "'");
}

// Seven images in batches of three, some without a label: each is counted where one by one it belongs.
TEST(Figures, OfItemsAreThoseOfEachAlone) {
  const TemporaryFolder folder;
  std::string styles = "id,kind\n";
  for (int i = 0; i < 7; ++i) {
    styles += fmt::format("{},{}\n", 10 + i, i % 3 == 1 ? "" : i % 2 ? "a" : "b");
    write_text(folder / fmt::format("set/images/{}.png", 10 + i), png_of(make_picture(i)));
  }
  write_text(folder / "set/styles.csv", styles);
  const data::DataSet data = data::open_dataset(folder / "set", {"kind"});
  const Preprocess preprocess{.height = 32, .width = 32};
  const runs::BatchMaker batches(data.catalog, data::open_store(data, data::store_settings(32, 32), folder / "cache"),
                                 preprocess, DType::f32, Device::cpu);
  const std::vector<HeadShape> heads{{"kind", 2}};
  const auto model = make_classifier("smallcnn", heads, 3);
  const std::vector<uint32_t> items{6, 0, 1, 2, 3, 4, 5};
  const evaluate::HeadScore score = evaluate::evaluate(*model, heads, batches, items, 3)[0];
  const auto logits = evaluate::collect_logits(*model, batches, items, 3, "");
  std::vector<int64_t> confusion(4);
  for (std::size_t i = 0; i < 7; ++i) {
    const std::vector<uint32_t> one{items[i]};
    const NoGrad no_grad;
    const auto z = model->forward(Var(batches.whole(one).x), Mode::infer)[0].value().to_vector<float>();
    EXPECT_EQ(logits.logits[i][0], z);
    const int truth = items[i] % 3 == 1 ? -1 : items[i] % 2 ? 0 : 1;
    EXPECT_EQ(logits.labels[i][0], truth);
    if (truth >= 0) ++confusion[std::size_t(2 * truth + (z[1] > z[0]))];
  }
  EXPECT_EQ(score.confusion, confusion);
  EXPECT_EQ(score.unknown, 2);
}

std::vector<std::string> training(const TemporaryFolder& folder, const std::string& val) {
  std::vector<std::string> arguments = train_arguments(folder.path(), folder / "colours", "run");
  for (const std::string& setting :
       {"data.val=" + val, std::string("data.test=0.3"), std::string("model.architecture=smallcnn")})
    arguments.insert(arguments.end(), {"--set", setting});
  return arguments;
}

// A third of the red ones and a few blue ones lie in a wrong folder, so that the model cannot be right about them.
TEST(Figures, OfARunFollowTheDefinitions) {
  const TemporaryFolder folder;
  make_colors(folder / "colours", 100);
  for (int i = 0; i < 42; ++i) {
    const std::string from = i < 30 ? "red" : "blue", file = fmt::format("{:03}.png", i);
    std::filesystem::rename(folder / "colours" / from / file, folder / "colours" / "green" / (from + file));
  }
  std::filesystem::rename(folder / "colours" / "blue", folder / "colours" / "=blue, \"<b>\"");
  const Outcome trained = run_program("pctrain", training(folder, "0.4"));
  ASSERT_EQ(trained.code, 0) << trained.err;
  const Ran ran =
      shell(folder.path(), "$BIN/pcpredict -m runs/run/model.safetensors --json --logits colours >predictions.jsonl");
  ASSERT_EQ(ran.code, 0) << ran.err;
  check(fmt::format("run '{}' '{}'", (folder / "runs/run").string(), folder.path().string()));
}

TEST(Figures, WithoutValidationPicturesThereIsNoCalibrationAndThatIsSaid) {
  const TemporaryFolder folder;
  make_colors(folder / "colours", 8);
  const Outcome trained = run_program("pctrain", training(folder, "0"));
  ASSERT_EQ(trained.code, 0) << trained.err;
  EXPECT_HAS(trained.err, "no validation images");
  EXPECT_FALSE(load_model(folder / "runs/run/model.safetensors").info.calibration);
  EXPECT_LACKS(read_file(folder / "runs/run/metrics.jsonl"), "\"calibration\"");
}

}  // namespace
}  // namespace pc::test
