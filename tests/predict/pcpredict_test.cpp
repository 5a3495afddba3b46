// pcpredict as people run it: inputs, outputs, exit codes.
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "kernels/base/file.h"
#include "tests/predict/fixture.h"
#include "tools/predict/predictor.h"

namespace pc::predict {
namespace {

using namespace test;

class PcPredict : public testing::Test {
 protected:
  Ran predict(const std::string& arguments) {
    return shell(folder_.path(), "\"$BIN/pcpredict\" --model \"$MODEL\" " + arguments);
  }
  void put(const std::string& name, const std::string& bytes) { write_text(folder_ / name, bytes); }
  TemporaryFolder folder_;
};

TEST_F(PcPredict, AnswersInTextByDefault) {
  put("a.png", png_of(make_picture(1)));
  const Ran ran = predict("a.png");
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out.find("a.png\n  kind    "), 0u) << ran.out;
  EXPECT_HAS(ran.out, " %\n");
  EXPECT_TRUE(ran.out.ends_with("  seen as 32x32 pixels, stretched\n")) << ran.out;
  EXPECT_LACKS(ran.out, '\033');
  EXPECT_EQ(ran.err, "");
}

TEST_F(PcPredict, LogitsAreThoseOfTheNetwork) {
  put("a.png", png_of(make_picture(4)));
  Predictor predictor(tiny_model(), {});
  const Logits expected = predictor.predict({predictor.prepare(make_picture(4))}).front();
  const auto line = predict("--json --logits --threads 2 a.png").lines().at(0);
  EXPECT_EQ(line["logits"]["kind"].get<std::vector<float>>(), expected[0]);
  EXPECT_EQ(line["logits"]["colour"].get<std::vector<float>>(), expected[1]);
}

TEST_F(PcPredict, AFolderIsReadRecursivelyInOrder) {
  put("d/z.png", png_of(make_picture(1)));
  put("d/sub/B.JPG", jpeg_of(make_picture(2)));
  put("d/a.jpeg", jpeg_of(make_picture(3)));
  put("d/notes.txt", "no image");
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

TEST_F(PcPredict, ABadPictureIsNamedAndTheOthersGoOn) {
  put("good.png", png_of(make_picture(1)));
  put("empty.jpg", "");
  const Ran ran = predict("--json empty.jpg good.png");
  EXPECT_EQ(ran.code, 3);
  EXPECT_EQ(
      ran.err.find("pcpredict: empty.jpg: empty file; copy or download it again\npcpredict: 2 images, 1 failed; "), 0u)
      << ran.err;
  ASSERT_EQ(ran.lines().size(), 2u);
  EXPECT_EQ(ran.lines()[0]["status"], "bad picture");
  EXPECT_EQ(ran.lines()[0]["error"], "empty.jpg: empty file; copy or download it again");
  EXPECT_EQ(ran.lines()[1]["status"], "ok");
}

TEST_F(PcPredict, AMissingFileIsAFileError) {
  const Ran ran = predict("--json nowhere.jpg");
  EXPECT_EQ(ran.code, 4);
  EXPECT_EQ(ran.err, "pcpredict: cannot open nowhere.jpg: No such file or directory; it is looked for in " +
                         folder_.path().string() + "\n");
  EXPECT_EQ(ran.lines().at(0)["status"], "file");
}

TEST_F(PcPredict, SeveralKindsOfFailureEndInThree) {
  put("empty.jpg", "");
  EXPECT_EQ(predict("empty.jpg nowhere.jpg").code, 3);
}

TEST_F(PcPredict, ExtremeShapesArePredicted) {
  put("dot.png", png_of(make_picture(1, 1, 1)));
  put("line.png", png_of(make_picture(1, 1, 20000)));
  EXPECT_EQ(predict("dot.png line.png").code, 0);
}

TEST_F(PcPredict, AnEmptyFolderIsAnError) {
  std::filesystem::create_directory(folder_ / "empty");
  const Ran ran = predict("empty");
  EXPECT_TRUE(ended(ran, 3, "no images"));
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
  EXPECT_HAS(ran.out, "--top-k");
  EXPECT_EQ(ran.err, "");
}

TEST_F(PcPredict, NoControlCharacterReachesTheTerminal) {
  const Ran ran = shell(folder_.path(), "\"$BIN/pcpredict\" --model \"$(printf 'a\\033[31mb\\nc')\" x.png");
  EXPECT_EQ(ran.code, 4);
  const std::string missing = ": No such file or directory; it is looked for in " + folder_.path().string();
  EXPECT_EQ(ran.err, "pcpredict: cannot open x.png" + missing + "; and: cannot open a?[31mb?c" + missing + "\n");
}

TEST_F(PcPredict, VersionSaysWhatWasBuilt) {
  const Ran ran = predict("--version");
  EXPECT_EQ(ran.code, 0);
  EXPECT_TRUE(ran.out.starts_with("pcpredict 0.")) << ran.out;
  EXPECT_HAS(ran.out, " CUDA\n");
}

TEST_F(PcPredict, AFullDiskIsAnError) {
  put("a.png", png_of(make_picture(1)));
  const Ran ran = predict("--json a.png >/dev/full");
  EXPECT_TRUE(ended(ran, 4, "cannot write standard output: No space left on device"));
}

TEST_F(PcPredict, AClosedPipeEndsItQuietly) {
  for (int i = 0; i < 6; ++i) put("d/" + std::to_string(i) + ".png", png_of(make_picture(i)));
  const Ran ran = predict("--batch-size 1 --json d | head -1");
  EXPECT_EQ(ran.err, "");
  EXPECT_EQ(ran.lines().size(), 1u);
}

TEST_F(PcPredict, TheModelComesFromTheEnvironmentOrTheNewestRun) {
  put("a.png", png_of(make_picture(1)));
  const std::string model = read_file(tiny_model());
  put("runs/old/model.safetensors", model);
  put("runs/new/model.safetensors", model.substr(0, 50));
  put("runs/unfinished/config.ini", "");
  const Ran named = shell(folder_.path(), "PC_MODEL=\"$MODEL\" \"$BIN/pcpredict\" a.png");
  EXPECT_TRUE(ended(named, 0, "tiny.safetensors, as PC_MODEL says; --model names another\n"));
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
  LoadedModel loaded = load_model(tiny_model());
  const auto with_threshold = [&](double p) {
    const std::vector<Threshold> thresholds = {{.percent = 95, .of_label = {p, p, p}}};
    loaded.info.calibration =
        Calibration{.heads = {{.thresholds = thresholds}, {.thresholds = thresholds}}, .novelty = {}};
    save_model(folder_ / "calibrated.safetensors", loaded.info, *loaded.model);
    return shell(folder_.path(), "\"$BIN/pcpredict\" -m calibrated.safetensors --csv a.png b.png c.png").err;
  };
  EXPECT_EQ(with_threshold(0).find(
                "pcpredict: 3 images, 0 failed, 3 accepted, 0 need review, 0 unlike the training images; "),
            0u)
      << with_threshold(0);
  EXPECT_EQ(with_threshold(2).find(
                "pcpredict: 3 images, 0 failed, 0 accepted, 3 need review, 0 unlike the training images; "),
            0u)
      << with_threshold(2);
}

TEST_F(PcPredict, WithoutAModelItSaysWhatToDo) {
  put("a.png", png_of(make_picture(1)));
  const Ran ran = shell(folder_.path(), "\"$BIN/pcpredict\" a.png");
  EXPECT_EQ(ran.code, 2);
  for (const char* way : {"--model", "PC_MODEL", "pctrain"}) EXPECT_HAS(ran.err, way);
  EXPECT_EQ(predict("--model nowhere.safetensors a.png").code, 2);  // given twice
  EXPECT_EQ(shell(folder_.path(), "\"$BIN/pcpredict\" --model nowhere.safetensors a.png").code, 4);
}

TEST_F(PcPredict, ATerminalGetsBarsAndNoColorIsObeyed) {
  if (std::system("command -v script >/dev/null") != 0) GTEST_SKIP() << "script(1) absent: no terminal to try";
  put("a.png", png_of(make_picture(1)));
  const std::string run =
      "export TERM=xterm BIN MODEL; script -qec '\"$BIN/pcpredict\" --model \"$MODEL\" a.png' /dev/null </dev/null";
  const Ran color = shell(folder_.path(), run), plain = shell(folder_.path(), "export NO_COLOR=1; " + run);
  EXPECT_HAS(color.out, "\033[36m");
  EXPECT_LACKS(plain.out, "\033[");
  EXPECT_HAS(plain.out, "█");
}

}  // namespace
}  // namespace pc::predict
