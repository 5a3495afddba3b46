// pcpredict on many pictures: where they come from, rows as CSV and JSON, and runs that are stopped, killed and
// resumed.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "data/decode.h"
#include "engine/safetensors_write.h"
#include "kernels/base/file.h"
#include "tests/predict/batch_fixture.h"

namespace pc::predict {
namespace {

using namespace test;

using PcPredictBatch = BatchTest;

TEST_F(PcPredictBatch, GlobsStandForPicturesFoldersAndArchives) {
  for (const char* name : {"d/b.png", "d/a.png", "d/x.jpg", "d/sub/c.png"}) put(name, 1);
  write_text(folder_ / "d/notes.txt", "no image");
  put_zip("d/shop.zip", {{"z.png", png_of(make_picture(2))}});
  EXPECT_EQ(files(predict("--json 'd/*.png'")), (Names{"d/a.png", "d/b.png"}));
  EXPECT_EQ(files(predict("--json 'd/*'")),
            (Names{"d/a.png", "d/b.png", "d/shop.zip/z.png", "d/sub/c.png", "d/x.jpg"}));
  const Ran none = predict("'d/*.gif'");
  EXPECT_EQ(none.code, 3);
  EXPECT_EQ(none.err, "pcpredict: d/*.gif: matches no image; names that end in .jpg, .png, .webp, … are looked for\n");
  put("odd[1].png", 1);
  EXPECT_EQ(files(predict("--json 'odd[1].png'")), (Names{"odd[1].png"}));
}

TEST_F(PcPredictBatch, ArchivesAreReadInPlace) {
  put("a.png", 1);
  put_zip("shop.zip", {{"images/2.png", png_of(make_picture(2))},
                       {"images/1.png", png_of(make_picture(1))},
                       {"styles.csv", "id\n"},
                       {"__MACOSX/1.png", "junk"},
                       {"other/3.png", "no image"}});
  const Ran all = predict("--json --logits shop.zip a.png");
  EXPECT_TRUE(ended(all, 3, "shop.zip/other/3.png: not an image"));
  EXPECT_EQ(files(all), (Names{"shop.zip/images/1.png", "shop.zip/images/2.png", "shop.zip/other/3.png", "a.png"}));
  EXPECT_EQ(all.lines()[0]["logits"], all.lines()[3]["logits"]);
  EXPECT_EQ(files(predict("--json shop.zip/images")), (Names{"shop.zip/images/1.png", "shop.zip/images/2.png"}));
  EXPECT_EQ(files(predict("--json 'shop.zip/*/2.png'")), (Names{"shop.zip/images/2.png"}));
  EXPECT_EQ(files(predict("--json shop.zip/images/2.png")), (Names{"shop.zip/images/2.png"}));
  EXPECT_EQ(
      predict("shop.zip/absent").err,
      "pcpredict: shop.zip: no images absent in this archive; names that end in .jpg, .png, .webp, … are looked for\n");
}

TEST_F(PcPredictBatch, AHostileArchiveIsOneRow) {
  put("a.png", 1);
  put_zip("evil.zip", {{"../evil.png", png_of(make_picture(1))}});
  write_text(folder_ / "cut.zip", "PK\x03\x04 and nothing more");
  const Ran ran = predict("--json evil.zip a.png cut.zip");
  EXPECT_EQ(ran.code, 3);
  EXPECT_EQ(files(ran), (Names{"evil.zip", "a.png", "cut.zip"}));
  EXPECT_HAS(ran.err, "evil.zip: entry \"../evil.png\" leaves the folder");
  EXPECT_HAS(ran.err, "cut.zip: truncated");
}

TEST_F(PcPredictBatch, ListsComeFromFilesAndPipes) {
  put_many(5);
  const Names expected{"p/003.png", "p/001.png", "p/000.png"};
  write_text(folder_ / "list", "p/003.png\r\n\np/001.png\np/000.png");
  EXPECT_EQ(files(predict("--json --files-from list")), expected);
  EXPECT_EQ(files(run("cat list | \"$BIN/pcpredict\" -m m --json --files-from -")), expected);
  EXPECT_EQ(
      files(run("printf 'p/003.png\\0p/001.png\\0p/000.png\\0' | \"$BIN/pcpredict\" -m m --json -0 --files-from -")),
      expected);
  EXPECT_EQ(files(predict("--json --files-from list p/004.png")).front(), "p/004.png");
  write_text(folder_ / "folders", "p\n");
  EXPECT_EQ(predict("--json --files-from folders").lines().size(), 5u);
}

TEST_F(PcPredictBatch, BadListsAreNamedWithTheLine) {
  put_many(1);
  EXPECT_EQ(predict("--files-from absent").err,
            "pcpredict: cannot open absent: No such file or directory; it is looked for in " + folder_.path().string() +
                "\n");
  write_text(folder_ / "nul", std::string("p/000.png\nx\0y\n", 14));
  const Ran nul = predict("--json --files-from nul");
  EXPECT_TRUE(ended(nul, 3, "nul:2: a NUL byte in a path; --null reads"));
  write_text(folder_ / "long", std::string(100'000, 'x'));
  const Ran endless = predict("--files-from long");
  EXPECT_TRUE(ended(endless, 3, "long:1: more than 65536 bytes"));
  write_text(folder_ / "dash", "-\n");
  EXPECT_EQ(predict("--files-from dash").code, 3);
  for (const char* arguments : {"--null p", "- --files-from -", "- -", ""})
    EXPECT_EQ(predict(arguments).code, 2) << arguments;
}

TEST_F(PcPredictBatch, CsvHasOneRowPerPicture) {
  put_many(3);
  write_text(folder_ / "p/001.png", "");
  const Ran ran = predict("--csv p");
  EXPECT_EQ(ran.code, 3);
  std::istringstream rows(ran.out);
  Names lines;
  for (std::string line; std::getline(rows, line);) lines.push_back(line);
  ASSERT_EQ(lines.size(), 4u) << ran.out;
  EXPECT_EQ(lines[0], "file,status,error,verdict,kind,kind_p,colour,colour_p");
  EXPECT_EQ(lines[1].find("p/000.png,ok,,,"), 0u);
  EXPECT_EQ(lines[2], "p/001.png,bad picture,p/001.png: empty file; copy or download it again,,,,,");
  const auto json = predict("--json -k 1 p/000.png").lines().at(0);
  EXPECT_EQ(
      lines[1],
      fmt::format("p/000.png,ok,,,{},{:.6f},{},{:.6f}", json["heads"]["kind"][0]["label"].get<std::string>(),
                  json["heads"]["kind"][0]["p"].get<double>(), json["heads"]["colour"][0]["label"].get<std::string>(),
                  json["heads"]["colour"][0]["p"].get<double>()));
}

TEST_F(PcPredictBatch, TheFileHoldsWhatStandardOutputWould) {
  put_many(7);
  for (const std::string format : {"--csv", "--json"}) {
    const std::string rows = "rows" + format;
    const Ran ran = predict(format + " -o " + rows + " --batch-size 3 p");
    ASSERT_EQ(ran.code, 0) << ran.err;
    EXPECT_EQ(ran.out, "");
    EXPECT_EQ(ran.err.find("pcpredict: 7 images, 0 failed; "), 0u) << ran.err;
    EXPECT_EQ(text(rows), predict(format + " --batch-size auto p").out);
    const auto manifest = nlohmann::json::parse(text(rows + ".manifest"));
    EXPECT_EQ(manifest["finished"], true);
    EXPECT_EQ(manifest["named"]["INPUT"], Names{"p"});
  }
}

TEST_F(PcPredictBatch, AFullDiskIsAnErrorOfTheFile) {
  put_many(1);
  const Ran full = predict("--csv -o /dev/full p"), nowhere = predict("--csv -o absent/rows p");
  EXPECT_EQ(full.code, 4);
  EXPECT_EQ(full.err, "pcpredict: cannot write /dev/full: No space left on device\n");
  EXPECT_EQ(nowhere.code, 4);
  EXPECT_EQ(predict("--csv -o /dev/full --resume p").code, 2);
}

// A run that has written some rows and waits for more of its list, which a pipe holds open, meets a signal.
constexpr const char* kInterrupted =
    "mkfifo pipe; exec 3<>pipe; head -10 list >pipe; "
    "\"$BIN/pcpredict\" -m m {} --batch-size 4 -o rows --files-from pipe 3<&- & "
    "for i in $(seq 600); do [ \"$(grep -c '^[p{{]' rows 2>/dev/null)\" -ge 8 ] && break; sleep 0.05; done; "
    "kill -{} $!; wait $!";

class Interrupted : public PcPredictBatch, public testing::WithParamInterface<const char*> {
 protected:
  void SetUp() override {
    PcPredictBatch::SetUp();
    put_many(20);
    write_text(folder_ / "p/003.png", "broken");
    std::string list;
    for (int i = 0; i < 20; ++i) list += fmt::format("p/{:03}.png\n", i);
    write_text(folder_ / "list", list);
  }
  std::string format() { return std::string("--") + GetParam(); }
  Ran interrupt(const char* signal) { return run(fmt::format(fmt::runtime(kInterrupted), format(), signal)); }
  Ran resume(const std::string& more = "") { return predict(format() + " -o rows --resume --files-from list " + more); }
};

TEST_P(Interrupted, KilledAndResumedItGivesTheSameBytes) {
  const std::string whole = predict(format() + " p").out;
  EXPECT_EQ(interrupt("KILL").code, 128 + 9);
  const std::string part = text("rows");
  EXPECT_LT(part.size(), whole.size());
  EXPECT_TRUE(exists("rows.manifest"));
  write_text(folder_ / "rows", part + whole.substr(part.size(), 13));  // a row torn by the kill
  const Ran ran = resume();
  EXPECT_EQ(ran.code, 3) << ran.err;  // the broken picture came before the kill
  EXPECT_HAS(ran.err, "20 images, 1 failed, ");
  EXPECT_EQ(text("rows"), whole);
  const Ran again = resume();
  EXPECT_EQ(again.code, 3) << "the broken image is tried again";
  EXPECT_EQ(text("rows"), whole);
}

TEST_P(Interrupted, KilledBeforeTheFirstRowItGivesTheSameBytes) {
  const std::string whole = predict(format() + " p").out;
  for (const std::size_t left : {std::size_t{0}, std::size_t{5}, whole.find('\n') + 1}) {
    for (const char* name : {"pipe", "rows", "rows.manifest"}) std::filesystem::remove(folder_ / name);
    interrupt("KILL");
    write_text(folder_ / "rows", whole.substr(0, left));
    EXPECT_EQ(resume().code, 3) << left;
    EXPECT_EQ(text("rows"), whole) << left;
  }
}

TEST_P(Interrupted, ASignalLeavesWholeRows) {
  const std::string whole = predict(format() + " p").out;
  for (const char* signal : {"INT", "TERM"}) {
    for (const char* left : {"pipe", "rows"}) std::filesystem::remove(folder_ / left);
    // Shells start background jobs deaf to SIGINT.
    const Ran ran =
        signal == std::string("INT")
            ? run("trap - INT; " + std::string("set -m; ") + fmt::format(fmt::runtime(kInterrupted), format(), signal))
            : interrupt(signal);
    EXPECT_TRUE(
        ended(ran, 75, "stopped after 8 images, their rows are in rows; the same command with --resume continues"))
        << signal;
    const std::string part = text("rows");
    EXPECT_EQ(part, whole.substr(0, part.size()));
    EXPECT_TRUE(part.ends_with('\n'));
    EXPECT_EQ(resume("--threads 1 --batch-size 5").code, 3);
    EXPECT_EQ(text("rows"), whole);
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, Interrupted, testing::Values("csv", "json"),
                         [](const auto& one) { return one.param; });

TEST_F(PcPredictBatch, ResumeBeginsWhereThereIsNothing) {
  put_many(2);
  EXPECT_EQ(predict("--csv -o rows --resume p").code, 0);
  EXPECT_EQ(text("rows"), predict("--csv p").out);
  for (const char* arguments : {"--resume p", "--csv --resume p", "--resume -o rows p", "--csv --json p"})
    EXPECT_EQ(predict(arguments).code, 2) << arguments;
}

TEST_F(PcPredictBatch, MemoryStaysFlatForALongList) {
  if (!kMemoryIsMeasurable) GTEST_SKIP() << "sanitizer: memory is not the program's own";
  put_many(4);
  const auto peak = [&](int lines) {
    const Ran ran =
        run(fmt::format("i=0; while [ $i -lt {} ]; do echo p/00$((i % 4)).png; i=$((i+1)); done | /usr/bin/python3 -c "
                        "'import resource,subprocess,sys; r = subprocess.run(sys.argv[1:]).returncode; "
                        "print(r, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)' "
                        "\"$BIN/pcpredict\" -m m --csv --force -o rows --files-from -",
                        lines));
    int code = -1, kibibytes = 0;
    std::istringstream(ran.out) >> code >> kibibytes;
    EXPECT_EQ(code, 0) << ran.err;
    EXPECT_EQ(std::ranges::count(text("rows"), '\n'), lines + 1);
    return kibibytes;
  };
  const int few = peak(1000), many = peak(20'000);
  EXPECT_LT(many, few + 4096) << "from " << few << " KiB";
}

TEST_F(PcPredictBatch, BatchNormsAdaptToThePictures) {
  put_many(8);
  const Ran plain = predict("--json --logits p"), adapted = predict("--json --logits --bn-adapt p");
  EXPECT_EQ(adapted.code, 0) << adapted.err;
  EXPECT_NE(plain.lines()[0]["logits"], adapted.lines()[0]["logits"]);
  write_text(folder_ / "list", "p\n");
  EXPECT_EQ(predict("--json --logits --bn-adapt --files-from list").out, adapted.out);
  EXPECT_EQ(run("cat p/000.png | \"$BIN/pcpredict\" -m m --bn-adapt - p").code, 2);
}

TEST_F(PcPredictBatch, ViewsChangeTheAnswer) {
  put_many(1);
  EXPECT_NE(predict("--json --logits --tta p").lines()[0]["logits"], predict("--json --logits p").lines()[0]["logits"]);
}

TEST_F(PcPredictBatch, TheSelfTestIsToldAndGuardsEveryRun) {
  put_many(1);
  const Ran ok = predict("--selftest");
  EXPECT_EQ(ok.code, 0) << ok.err;
  EXPECT_EQ(ok.out.find("m: self-test ok, logits differ by "), 0u) << ok.out;
  EXPECT_EQ(predict("--selftest --precision bf16").code, 0);
  WeightFile weights = read_safetensors(folder_ / "m");
  auto& description = weights.metadata.at("pc.self_test");
  description.replace(description.find("\"logits\":{\"colour\":[") + 20, 1, "4");  // of -0.1… or 0.1…
  write_safetensors(folder_ / "other", weights);
  for (const char* arguments : {"--selftest", "p"}) {
    const Ran damaged = run(std::string("M=other; \"$BIN/pcpredict\" -m $M ") + arguments);
    EXPECT_EQ(damaged.code, 3);
    EXPECT_EQ(damaged.err.find("pcpredict: other: self-test failed: head colour, label \"red\": "), 0u) << damaged.err;
  }
  weights.metadata.erase("pc.self_test");
  write_safetensors(folder_ / "other", weights);
  EXPECT_EQ(run("\"$BIN/pcpredict\" -m other --selftest").out, "other: holds no self-test\n");
}

TEST_F(PcPredictBatch, ExplanationsAreDrawn) {
  put_many(2);
  const auto picture = [&](const std::string& name) {
    const std::string png = text(name);
    return data::decode_image(std::as_bytes(std::span(png)), name);
  };
  ASSERT_EQ(predict("--explain cam.png p/000.png").code, 0);
  EXPECT_EQ(picture("cam.png").h, 8);
  ASSERT_EQ(predict("--explain cams p").code, 0);
  EXPECT_EQ(text("cams/p/000.png.png"), text("cam.png"));
  EXPECT_NE(text("cams/p/001.png.png"), text("cam.png"));
  ASSERT_EQ(predict("--explain colour.png --explain-head colour p/000.png").code, 0);
  EXPECT_NE(text("colour.png"), text("cam.png"));
  const Ran unknown = predict("--explain cam.png --explain-head size p/000.png");
  EXPECT_EQ(unknown.code, 2);
  EXPECT_EQ(unknown.err, "pcpredict: --explain-head size: the model has kind, colour\n");
  ASSERT_EQ(run("cd p; \"$BIN/pcpredict\" -m ../m --explain cams ../p/000.png ../p/001.png").code, 0);
  EXPECT_TRUE(exists("p/cams/p/000.png.png"));  // never outside the folder
}

}  // namespace
}  // namespace pc::predict
