// pcpredict as people run it: inputs, outputs, exit codes.
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "engine/safetensors_write.h"
#include "kernels/base/file.h"
#include "tests/predict/fixture.h"
#include "tools/predict/predictor.h"

namespace pc::predict {
namespace {

using test::jpeg_of;
using test::make_picture;
using test::png_of;
using test::Ran;
using test::shell;
using test::write_text;

class PcPredict : public testing::Test {
 protected:
  Ran predict(const std::string& arguments) {
    return shell(folder_.path(), "\"$BIN/pcpredict\" --model \"$MODEL\" " + arguments);
  }
  void put(const std::string& name, const std::string& bytes) { write_text(folder_ / name, bytes); }
  test::TemporaryFolder folder_;
};

TEST_F(PcPredict, AnswersInTextByDefault) {
  put("a.png", png_of(make_picture(1)));
  const Ran ran = predict("a.png");
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out.find("a.png\n  kind    "), 0u) << ran.out;
  EXPECT_NE(ran.out.find(" %\n"), std::string::npos);
  EXPECT_TRUE(ran.out.ends_with("  seen as 32x32 pixels, stretched\n")) << ran.out;
  EXPECT_EQ(ran.out.find('\033'), std::string::npos);
  EXPECT_EQ(ran.err, "");
}

TEST_F(PcPredict, JsonFollowsTheContract) {
  put("a.png", png_of(make_picture(1)));
  const Ran ran = predict("--json --top-k 2 a.png");
  ASSERT_EQ(ran.lines().size(), 1u) << ran.err;
  const auto line = ran.lines()[0];
  EXPECT_EQ(line["file"], "a.png");
  EXPECT_EQ(line["status"], "ok");
  EXPECT_EQ(line["heads"].size(), 2u);
  ASSERT_EQ(line["heads"]["kind"].size(), 2u);
  EXPECT_GE(line["heads"]["kind"][0]["p"].get<double>(), line["heads"]["kind"][1]["p"].get<double>());
  EXPECT_FALSE(line.contains("logits"));
}

TEST_F(PcPredict, LogitsAreThoseOfTheNetwork) {
  put("a.png", png_of(make_picture(4)));
  Predictor predictor(test::tiny_model(), {});
  const Logits expected = predictor.predict({predictor.prepare(make_picture(4))}).front();
  const auto line = predict("--json --logits --threads 2 a.png").lines().at(0);
  EXPECT_EQ(line["logits"]["kind"].get<std::vector<float>>(), expected[0]);
  EXPECT_EQ(line["logits"]["colour"].get<std::vector<float>>(), expected[1]);
}

TEST_F(PcPredict, ProbabilitiesOfAllClassesSumToOne) {
  put("a.png", png_of(make_picture(1)));
  const nlohmann::json line = predict("--json --top-k 50 a.png").lines().at(0);
  double sum = 0;
  for (const auto& guess : line["heads"]["kind"]) sum += guess["p"].get<double>();
  EXPECT_NEAR(sum, 1, 1e-9);
}

TEST_F(PcPredict, AFolderIsReadRecursivelyInOrder) {
  put("d/z.png", png_of(make_picture(1)));
  put("d/sub/B.JPG", jpeg_of(make_picture(2)));
  put("d/a.jpeg", jpeg_of(make_picture(3)));
  put("d/notes.txt", "no picture");
  put("d/.hidden.png", png_of(make_picture(4)));
  const auto lines = predict("--json d").lines();
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[0]["file"], "d/a.jpeg");
  EXPECT_EQ(lines[1]["file"], "d/sub/B.JPG");
  EXPECT_EQ(lines[2]["file"], "d/z.png");
}

TEST_F(PcPredict, StandardInputIsThePictureNamedDash) {
  put("a.png", png_of(make_picture(1)));
  auto piped = shell(folder_.path(), "cat a.png | \"$BIN/pcpredict\" --model \"$MODEL\" --json -").lines().at(0);
  EXPECT_EQ(piped["file"], "-");
  EXPECT_EQ(piped["heads"], predict("--json a.png").lines().at(0)["heads"]);
}

TEST_F(PcPredict, ManyPicturesKeepTheirOrderAndTheirBits) {
  std::string names;
  for (int i = 0; i < 9; ++i) {
    const std::string name = "p" + std::to_string(8 - i) + ".png";
    put(name, png_of(make_picture(i)));
    names += " " + name;
  }
  const auto batched = predict("--json --logits --batch-size 4" + names).lines(),
             single = predict("--json --logits --batch-size 1" + names).lines();
  ASSERT_EQ(batched.size(), 9u);
  for (std::size_t i = 0; i < 9; ++i) EXPECT_EQ(batched[i]["file"], "p" + std::to_string(8 - i) + ".png");
  EXPECT_EQ(batched, single);
}

TEST_F(PcPredict, ABadPictureIsNamedAndTheOthersGoOn) {
  put("good.png", png_of(make_picture(1)));
  put("empty.jpg", "");
  const Ran ran = predict("--json empty.jpg good.png");
  EXPECT_EQ(ran.code, 3);
  EXPECT_EQ(ran.err.find("pcpredict: empty.jpg: empty file\npcpredict: 2 pictures, 1 failed; "), 0u) << ran.err;
  ASSERT_EQ(ran.lines().size(), 2u);
  EXPECT_EQ(ran.lines()[0]["status"], "bad picture");
  EXPECT_EQ(ran.lines()[0]["error"], "empty.jpg: empty file");
  EXPECT_EQ(ran.lines()[1]["status"], "ok");
}

TEST_F(PcPredict, EveryKindOfBadPictureHasItsLineAndCode) {
  const std::string jpeg = jpeg_of(make_picture(1, 200, 200));
  put("cut.jpg", jpeg.substr(0, jpeg.size() / 2));
  put("page.jpg", "<!DOCTYPE html><html><body>404</body></html>");
  put("noise.jpg", std::string("\x01\x02\x03\x04\xff\xfe", 6));
  put("photo.jpg", std::string("RIFF\x10\0\0\0WEBPVP8 ", 16));
  const std::pair<const char*, const char*> cases[] = {
      {"cut.jpg", "truncated"}, {"page.jpg", "HTML"}, {"noise.jpg", "not an image"}, {"photo.jpg", "WebP"}};
  for (const auto& [file, text] : cases) {
    const Ran ran = predict(file);
    EXPECT_EQ(ran.code, 3) << file;
    EXPECT_NE(ran.err.find(text), std::string::npos) << ran.err;
    EXPECT_EQ(ran.err.find(std::string("pcpredict: ") + file), 0u) << ran.err;
    EXPECT_EQ(std::count(ran.err.begin(), ran.err.end(), '\n'), 1) << ran.err;
  }
}

TEST_F(PcPredict, AMissingFileIsAFileError) {
  const Ran ran = predict("--json nowhere.jpg");
  EXPECT_EQ(ran.code, 4);
  EXPECT_EQ(ran.err, "pcpredict: cannot open nowhere.jpg: No such file or directory\n");
  EXPECT_EQ(ran.lines().at(0)["status"], "file");
}

TEST_F(PcPredict, SeveralKindsOfFailureEndInThree) {
  put("empty.jpg", "");
  EXPECT_EQ(predict("empty.jpg nowhere.jpg").code, 3);
}

TEST_F(PcPredict, AHugeHeaderIsRefusedByTheLimit) {
  std::string jpeg = jpeg_of(make_picture(1));
  const std::size_t frame = jpeg.find("\xff\xc0");
  ASSERT_NE(frame, std::string::npos);
  for (std::size_t i : {5u, 6u, 7u, 8u}) jpeg[frame + i] = i % 2 ? char(0xff) : char(0xdc);
  put("bomb.jpg", jpeg);
  const Ran ran = predict("bomb.jpg");
  EXPECT_EQ(ran.code, 6);
  EXPECT_NE(ran.err.find("65500x65500 exceeds the limit"), std::string::npos) << ran.err;
}

TEST_F(PcPredict, ExtremeShapesArePredicted) {
  put("dot.png", png_of(make_picture(1, 1, 1)));
  put("line.png", png_of(make_picture(1, 1, 20000)));
  EXPECT_EQ(predict("dot.png line.png").code, 0);
}

TEST_F(PcPredict, ExifOrientationIsHonored) {
  const data::Image upright = make_picture(3, 48, 32);
  // What a camera stores for orientation 6: turned by 90 degrees, to be shown turned back clockwise.
  data::Image stored{.h = upright.w, .w = upright.h, .pixels = std::vector<uint8_t>(upright.pixels.size())};
  for (int y = 0; y < stored.h; ++y)
    for (int x = 0; x < stored.w; ++x)
      for (int c = 0; c < 3; ++c)
        stored.pixels[std::size_t((y * stored.w + x) * 3 + c)] =
            upright.pixels[std::size_t((x * upright.w + upright.w - 1 - y) * 3 + c)];
  put("upright.jpg", jpeg_of(upright));
  put("turned.jpg", jpeg_of(stored, 6));
  put("unmarked.jpg", jpeg_of(stored));
  const auto lines = predict("--json --logits upright.jpg turned.jpg unmarked.jpg").lines();
  ASSERT_EQ(lines.size(), 3u);
  const auto distance = [&](std::size_t a, std::size_t b) {
    double sum = 0;
    for (std::size_t i = 0; i < 3; ++i)
      sum += std::abs(lines[a]["logits"]["kind"][i].get<double>() - lines[b]["logits"]["kind"][i].get<double>());
    return sum;
  };
  EXPECT_LT(distance(0, 1), 0.2 * distance(0, 2));
}

TEST_F(PcPredict, AnEmptyFolderIsAnError) {
  std::filesystem::create_directory(folder_ / "empty");
  const Ran ran = predict("empty");
  EXPECT_EQ(ran.code, 3);
  EXPECT_NE(ran.err.find("no pictures"), std::string::npos);
}

TEST_F(PcPredict, UsageErrorsEndInTwoWithoutOutput) {
  for (const char* arguments :
       {"", "--top-k 0 a.png", "--nonsense a.png", "--device tpu a.png", "--logits a.png", "--precision f16 a.png"}) {
    const Ran ran = predict(arguments);
    EXPECT_EQ(ran.code, 2) << arguments;
    EXPECT_EQ(ran.out, "") << arguments;
    EXPECT_EQ(std::count(ran.err.begin(), ran.err.end(), '\n'), 1) << ran.err;
  }
}

TEST_F(PcPredict, HelpGoesToStandardOutput) {
  const Ran ran = predict("--help");
  EXPECT_EQ(ran.code, 0);
  EXPECT_NE(ran.out.find("--top-k"), std::string::npos);
  EXPECT_EQ(ran.err, "");
}

TEST_F(PcPredict, NoControlCharacterReachesTheTerminal) {
  const Ran ran = shell(folder_.path(), "\"$BIN/pcpredict\" --model \"$(printf 'a\\033[31mb\\nc')\" x.png");
  EXPECT_EQ(ran.code, 4);
  EXPECT_EQ(ran.err, "pcpredict: cannot open a?[31mb?c: No such file or directory\n");
}

TEST_F(PcPredict, VersionSaysWhatWasBuilt) {
  const Ran ran = predict("--version");
  EXPECT_EQ(ran.code, 0);
  EXPECT_TRUE(ran.out.starts_with("pcpredict 0.")) << ran.out;
  EXPECT_NE(ran.out.find(" CUDA\n"), std::string::npos) << ran.out;
}

TEST_F(PcPredict, AFullDiskIsAnError) {
  put("a.png", png_of(make_picture(1)));
  const Ran ran = predict("--json a.png >/dev/full");
  EXPECT_EQ(ran.code, 4);
  EXPECT_NE(ran.err.find("cannot write standard output: No space left on device"), std::string::npos) << ran.err;
}

TEST_F(PcPredict, AClosedPipeEndsItQuietly) {
  for (int i = 0; i < 6; ++i) put("d/" + std::to_string(i) + ".png", png_of(make_picture(i)));
  const Ran ran = predict("--batch-size 1 --json d | head -1");
  EXPECT_EQ(ran.err, "");
  EXPECT_EQ(ran.lines().size(), 1u);
}

TEST_F(PcPredict, TheModelComesFromTheEnvironmentOrTheNewestRun) {
  put("a.png", png_of(make_picture(1)));
  const std::string model = read_file(test::tiny_model());
  put("runs/old/model.safetensors", model);
  put("runs/new/model.safetensors", model.substr(0, 50));
  put("runs/unfinished/config.ini", "");
  const Ran named = shell(folder_.path(), "PC_MODEL=\"$MODEL\" \"$BIN/pcpredict\" a.png");
  EXPECT_EQ(named.code, 0);
  EXPECT_NE(named.err.find("tiny.safetensors, as PC_MODEL says; --model names another\n"), std::string::npos)
      << named.err;
  const Ran latest = shell(folder_.path(), "touch -d '2001-01-01' runs/old/*; \"$BIN/pcpredict\" a.png");
  EXPECT_EQ(latest.code, 3);
  EXPECT_EQ(
      latest.err.find("pcpredict: model runs/new/model.safetensors, the latest of 2 runs; --model names another\n"), 0u)
      << latest.err;
  EXPECT_EQ(shell(folder_.path(), "touch -d '2001-01-01' runs/new/*; touch runs/old/*; \"$BIN/pcpredict\" a.png").code,
            0);
}

// Whatever an image raises costs its own answer only.
TEST_F(PcPredict, AnImageOfAnyKindCostsNoOther) {
  put("a.png", png_of(make_picture(1)));
  put("c.png", png_of(make_picture(2)));
  // 1048576x1, gray: IDAT of a mebibyte and one of zeros.
  put("make.py",
      "import struct,sys,zlib\n"
      "def part(kind, data): return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + "
      "data))\n"
      "def png(w, h): return (b'\\x89PNG\\r\\n\\x1a\\n' + part(b'IHDR', struct.pack('>IIBBBBB', w, h, 8, 0, 0, 0, 0)) "
      "+ "
      "part(b'IDAT', zlib.compress(bytes((w + 1) * h))) + part(b'IEND', b''))\n"
      "open('wide.png', 'wb').write(png(1 << 20, 1)); open('high.png', 'wb').write(png(1, 1 << 20))\n"
      "open('line.png', 'wb').write(png(65535, 1)); open('huge.png', 'wb').write(png(1 << 14, 1)[:60])\n");
  ASSERT_EQ(shell(folder_.path(), "/usr/bin/python3 make.py").code, 0);
  for (const char* bad : {"wide.png", "high.png", "line.png", "huge.png"}) {
    const Ran ran = predict(std::string("--json a.png ") + bad + " c.png");
    const auto lines = ran.lines();
    ASSERT_EQ(lines.size(), 3u) << bad << ran.err;
    EXPECT_EQ(lines[0]["status"], "ok") << bad;
    EXPECT_EQ(lines[2]["status"], "ok") << bad;
    EXPECT_EQ(ran.code == 0, lines[1]["status"] == "ok") << bad << ran.err;
    EXPECT_NE(ran.code, 1) << ran.err;
  }
}

// The counts of the last line, in words.
TEST_F(PcPredict, TheSummaryCountsVerdictsInWords) {
  put("a.png", png_of(make_picture(1)));
  put("b.png", png_of(make_picture(2)));
  put("c.png", png_of(make_picture(3)));
  LoadedModel loaded = load_model(test::tiny_model());
  const auto with_threshold = [&](double p) {
    const std::vector<Threshold> thresholds = {{.percent = 95, .of_label = {p, p, p}}};
    loaded.info.calibration =
        Calibration{.heads = {{.thresholds = thresholds}, {.thresholds = thresholds}}, .novelty = {}};
    save_model(folder_ / "calibrated.safetensors", loaded.info, *loaded.model);
    return shell(folder_.path(), "\"$BIN/pcpredict\" -m calibrated.safetensors --csv a.png b.png c.png").err;
  };
  EXPECT_EQ(with_threshold(0).find(
                "pcpredict: 3 pictures, 0 failed, 3 accepted, 0 need review, 0 unlike the training images; "),
            0u)
      << with_threshold(0);
  EXPECT_EQ(with_threshold(2).find(
                "pcpredict: 3 pictures, 0 failed, 0 accepted, 3 need review, 0 unlike the training images; "),
            0u)
      << with_threshold(2);
}

TEST_F(PcPredict, WithoutAModelItSaysWhatToDo) {
  put("a.png", png_of(make_picture(1)));
  const Ran ran = shell(folder_.path(), "\"$BIN/pcpredict\" a.png");
  EXPECT_EQ(ran.code, 2);
  for (const char* way : {"--model", "PC_MODEL", "pctrain"}) EXPECT_NE(ran.err.find(way), std::string::npos) << ran.err;
  EXPECT_EQ(predict("--model nowhere.safetensors a.png").code, 2);  // given twice
  EXPECT_EQ(shell(folder_.path(), "\"$BIN/pcpredict\" --model nowhere.safetensors a.png").code, 4);
}

TEST_F(PcPredict, WeightsWithoutLabelsAreRefusedWithTheWayOut) {
  put("a.png", png_of(make_picture(1)));
  WeightFile file = read_safetensors(test::tiny_model());
  file.metadata = {{"format", "pt"}};
  write_safetensors(folder_ / "plain.safetensors", file);
  const Ran ran = shell(folder_.path(), "\"$BIN/pcpredict\" --model plain.safetensors a.png");
  EXPECT_EQ(ran.code, 3);
  EXPECT_NE(ran.err.find("model.weights = "), std::string::npos) << ran.err;
}

TEST_F(PcPredict, AnotherArchitecturesWeightsAreNamed) {
  put("a.png", png_of(make_picture(1)));
  WeightFile file = read_safetensors(test::tiny_model());
  ModelInfo info = test::tiny_info();
  info.architecture = "resnet50";
  file.metadata = to_metadata(info);
  write_safetensors(folder_ / "other.safetensors", file);
  const Ran ran = shell(folder_.path(), "\"$BIN/pcpredict\" --model other.safetensors a.png");
  EXPECT_EQ(ran.code, 3);
  EXPECT_NE(ran.err.find("missing (layer1.0.conv3.weight"), std::string::npos) << ran.err;
  EXPECT_NE(ran.err.find("…"), std::string::npos) << ran.err;
  EXPECT_EQ(std::count(ran.err.begin(), ran.err.end(), '\n'), 1);
}

TEST_F(PcPredict, TruncatedModelsAreRefused) {
  put("a.png", png_of(make_picture(1)));
  const std::string model = read_file(test::tiny_model());
  put("cut.safetensors", model.substr(0, model.size() - 5));
  put("empty.safetensors", "");
  EXPECT_EQ(shell(folder_.path(), "\"$BIN/pcpredict\" --model cut.safetensors a.png").code, 3);
  EXPECT_EQ(shell(folder_.path(), "\"$BIN/pcpredict\" --model empty.safetensors a.png").code, 3);
}

TEST_F(PcPredict, ATerminalGetsBarsAndNoColorIsObeyed) {
  if (std::system("command -v script >/dev/null") != 0) GTEST_SKIP() << "script(1) absent: no terminal to try";
  put("a.png", png_of(make_picture(1)));
  const std::string run =
      "export TERM=xterm BIN MODEL; script -qec '\"$BIN/pcpredict\" --model \"$MODEL\" a.png' /dev/null </dev/null";
  const Ran color = shell(folder_.path(), run), plain = shell(folder_.path(), "export NO_COLOR=1; " + run);
  EXPECT_NE(color.out.find("\033[36m"), std::string::npos) << color.out;
  EXPECT_EQ(plain.out.find("\033["), std::string::npos) << plain.out;
  EXPECT_NE(plain.out.find("█"), std::string::npos) << plain.out;
}

}  // namespace
}  // namespace pc::predict
