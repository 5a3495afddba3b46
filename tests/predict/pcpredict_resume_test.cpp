// What becomes of output that is there: nothing is overwritten, and --resume adds just the rows that are missing.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>

#include "kernels/base/file.h"
#include "tests/predict/batch_fixture.h"

namespace pc::predict {
namespace {

using namespace test;

class Existing : public BatchTest {
 protected:
  void replace(const std::string& name, const std::string& from, const std::string& to) {
    std::string all = text(name);
    const std::size_t at = all.find(from);
    ASSERT_NE(at, all.npos) << from << " in " << all;
    write_text(folder_ / name, all.replace(at, from.size(), to));
  }
  int lines(const std::string& name) { return int(std::ranges::count(text(name), '\n')); }
};

TEST_F(Existing, OutputIsNotOverwrittenWithoutForce) {
  put_many(2);
  const std::pair<const char*, const char*> cases[] = {
      {"rows.csv", "-o rows.csv p"},
      {"rows.jsonl", "-o rows.jsonl p"},
      {"rows.txt", "-o rows.txt p"},
      {"rows", "--csv -o rows p"},
      {"cam.png", "--explain cam.png p/000.png"},
      {"cams/p/001.png.png", "--explain cams p"},
  };
  for (const auto& [file, arguments] : cases) {
    ASSERT_EQ(predict(arguments).code, 0) << arguments;
    const std::string whole = text(file);
    write_text(folder_ / file, "corrected by hand\n");
    const Ran again = predict(arguments);
    EXPECT_TRUE(ended(again, 4, std::string(file).substr(0, 4))) << arguments;
    EXPECT_HAS(again.err, "--force");
    EXPECT_EQ(text(file), "corrected by hand\n") << arguments;
    EXPECT_EQ(predict(std::string("--force ") + arguments).code, 0) << arguments;
    EXPECT_EQ(text(file), whole) << arguments;
  }
}

TEST_F(Existing, OtherProgramsKeepTheirsToo) {
  put_many(3);
  put("set/a/0.png", 1);
  put("set/b/0.png", 2);
  const std::pair<const char*, const char*> cases[] = {
      {"shop.index", "\"$BIN/pcindex\" -m m -o shop.index p"},
      {"page.html", "\"$BIN/pceval\" m set --head kind --report page.html"},
      {"own.safetensors", "\"$BIN/pceval\" m set --head kind --calibrate own.safetensors"},
      {"mean.safetensors", "\"$BIN/pcmerge\" mean.safetensors m m"},
  };
  for (const auto& [file, command] : cases) {
    ASSERT_EQ(run(command).code, 0) << command << run(command).err;
    write_text(folder_ / file, "mine");
    const Ran again = run(command);
    EXPECT_TRUE(ended(again, 4, std::string(file) + " exists already; --force replaces it")) << command;
    EXPECT_EQ(text(file), "mine") << command;
    EXPECT_EQ(run(std::string(command) + " --force").code, 0) << command;
    EXPECT_NE(text(file), "mine") << command;
  }
}

class Resumed : public Existing, public testing::WithParamInterface<const char*> {
 protected:
  std::string rows() { return std::string("rows.") + GetParam(); }
  std::string format() { return GetParam() == std::string("csv") ? "--csv" : "--json"; }
  Ran resume(const std::string& more = "p") { return predict("--resume -o " + rows() + " " + more); }
  std::string undisturbed(const std::string& inputs = "p") { return predict(format() + " " + inputs).out; }
};

TEST_P(Resumed, AFinishedFileGetsTheRowsThatItLacks) {
  put_many(6);
  ASSERT_EQ(resume().code, 0);
  EXPECT_EQ(text(rows()), undisturbed());
  put("p/000a.png", 20);  // in the middle
  put("p/new.png", 21);
  const Ran ran = resume();
  EXPECT_TRUE(ended(ran, 0, "8 images, 0 failed, 6 of them before"));
  EXPECT_EQ(text(rows()), undisturbed());
  const std::string manifest = text(rows() + ".manifest");
  const Ran again = resume();
  EXPECT_EQ(again.code, 0);
  EXPECT_EQ(again.err, "pcpredict: " + rows() + ": all 8 rows are there, nothing to do\n");
  EXPECT_EQ(text(rows()), undisturbed());
  EXPECT_EQ(text(rows() + ".manifest"), manifest);
}

TEST_P(Resumed, ImagesWithoutAnAnswerAreTriedAgain) {
  put_many(5);
  write_text(folder_ / "p/001.png", "not yet downloaded");
  write_text(folder_ / "list", "p/000.png\np/001.png\nlater.png\np/002.png\n");
  const std::string inputs = "--files-from list";
  ASSERT_EQ(resume(inputs).code, 3);
  EXPECT_EQ(lines(rows()), format() == "--csv" ? 5 : 4);
  put("p/001.png", 1);
  put("later.png", 9);
  const Ran ran = resume(inputs);
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(text(rows()), undisturbed(inputs));
  write_text(folder_ / "p/001.png", "damaged");
  EXPECT_EQ(resume(inputs).code, 0) << "it has an answer";
}

TEST_P(Resumed, RowsOfOtherImagesAreKeptAndCounted) {
  put_many(3);
  ASSERT_EQ(resume("p/000.png p/001.png").code, 0);
  const Ran ran = resume("p/002.png");
  EXPECT_TRUE(ended(ran, 0, "2 rows of images that are not among these are kept"));
  EXPECT_EQ(text(rows()), undisturbed());
}

TEST_P(Resumed, AnotherModelAndOtherOptionsAreRefusedByName) {
  put_many(2);
  ASSERT_EQ(resume().code, 0);
  const std::string whole = text(rows());
  put("p/new.png", 9);
  const std::pair<const char*, const char*> cases[] = {
      {"--tta", "--tta false, now it is true"},
      {"--precision bf16", "--precision \"f32\", now it is \"bf16\""},
      {"--bn-adapt", "--bn-adapt \"off\", now it is \"to 3 images in batches of 32\""},
  };
  for (const auto& [option, difference] : cases) {
    const Ran ran = resume(std::string(option) + " p");
    EXPECT_TRUE(ended(ran, 2, rows() + " was made with " + difference)) << option;
  }
  const Ran model = run("\"$BIN/pcpredict\" -m \"$MODEL\" --resume -o " + rows() + " p");
  EXPECT_TRUE(ended(model, 2, rows() + " was made with model m (SHA-256 "));
  EXPECT_HAS(model.err, "tiny.safetensors (SHA-256 ");
  EXPECT_EQ(text(rows()), whole);
}

TEST_P(Resumed, WithoutAManifestNobodyKnowsWhatTheRowsWereMadeWith) {
  put_many(2);
  write_text(folder_ / rows(), undisturbed("p/000.png"));
  const std::string before = text(rows());
  const Ran ran = resume();
  EXPECT_TRUE(ended(ran, 2, "there is no " + rows() + ".manifest"));
  write_text(folder_ / (rows() + ".manifest"), "{\"model\": \"abc\"}");
  EXPECT_EQ(resume().code, 3);
  EXPECT_EQ(text(rows()), before);
}

TEST_P(Resumed, KilledWhileRowsAreAddedItGivesTheSameBytes) {
  put_many(6);
  write_text(folder_ / "list", "p/001.png\np/003.png\np/005.png\n");
  ASSERT_EQ(resume("--files-from list").code, 0);
  const std::string whole = undisturbed();
  // Two of the three that are missing are written, then the list ends in a pipe that nobody closes.
  write_text(folder_ / "list", "p/000.png\np/001.png\np/002.png\n");
  const Ran killed = run(fmt::format(
      "mkfifo pipe; exec 3<>pipe; cat list >pipe; \"$BIN/pcpredict\" -m m --batch-size 2 --resume -o {0} --files-from "
      "pipe 3<&- & for i in $(seq 600); do [ \"$(grep -c 'p/00[02]' {0})\" -ge 2 ] && break; sleep 0.05; done; kill -9 "
      "$!; wait $!",
      rows()));
  EXPECT_EQ(killed.code, 128 + 9);
  EXPECT_NE(text(rows()), whole);
  EXPECT_EQ(resume().code, 0);
  EXPECT_EQ(text(rows()), whole);
}

INSTANTIATE_TEST_SUITE_P(Formats, Resumed, testing::Values("csv", "jsonl"), [](const auto& one) { return one.param; });

// Python's csv module stands for the spreadsheet.
// Reading what is there: interrupted, it goes on; a bad disk is named.
TEST_F(Existing, RowsThatCannotBeReadAreNamed) {
  if (run("strace -o /dev/null true").code != 0) GTEST_SKIP() << "not allowed here: strace cannot trace";
  put_many(2);
  ASSERT_EQ(predict("-o rows.csv p").code, 0);
  const auto resume = [&](const std::string& error) {
    return run("timeout 60 strace -f -o /dev/null -P \"$PWD/rows.csv\" -e inject=pread64:error=" + error +
               " \"$BIN/pcpredict\" -m m --resume -o rows.csv p");
  };
  EXPECT_TRUE(ended(resume("EIO"), 4, "cannot read rows.csv: Input/output error"));
  const std::string whole = text("rows.csv");
  EXPECT_EQ(resume("EINTR:when=1").code, 0);
  EXPECT_EQ(text("rows.csv"), whole);
}

TEST_F(Existing, ATableThatASpreadsheetHasSavedIsAddedTo) {
  put_many(4);
  put("p/a, \"b\".png", 7);
  ASSERT_EQ(predict("-o rows.csv --resume p").code, 0);
  const std::string python =
      "/usr/bin/python3 -c 'import csv,sys; rows = list(csv.reader(open(\"rows.csv\", newline=\"\"))); rows[2][4] = "
      "\"CORRECTED\"; f = open(\"rows.csv\", \"w\", newline=\"\", encoding=\"utf-8-sig\"); csv.writer(f, "
      "quoting=csv.QUOTE_ALL).writerows(rows); f.seek(f.tell() - 2); f.truncate()'";
  ASSERT_EQ(run(python).code, 0);
  const std::string saved = text("rows.csv");
  put("p/zz.png", 9);
  const Ran ran = predict("-o rows.csv --resume p");
  EXPECT_TRUE(ended(ran, 0, "6 images, 0 failed, 5 of them before"));
  EXPECT_EQ(text("rows.csv").find(saved), 0u) << "every byte of it stays";
  EXPECT_HAS(text("rows.csv"), "\np/zz.png,ok,");
  replace("rows.csv", "\"kind\"", "\"Kind\"");
  put("p/zzz.png", 9);
  const Ran renamed = predict("-o rows.csv --resume p");
  EXPECT_TRUE(ended(renamed, 2, "rows.csv: its columns are not those that would be written"));
}

TEST_F(Existing, TheSuffixSaysTheFormat) {
  put_many(2);
  const std::pair<const char*, const char*> formats[] = {
      {"a.csv", "--csv"}, {"a.CSV", "--csv"}, {"a.jsonl", "--json"}, {"a.json", "--json"}, {"a.txt", ""}};
  for (const auto& [file, option] : formats) {
    ASSERT_EQ(predict(std::string("-o ") + file + " p").code, 0) << file;
    EXPECT_EQ(text(file), predict(std::string(option) + " p").out) << file;
  }
  for (const char* arguments : {"-o b.xyz p", "-o b p", "--csv -o b.json p", "--json -o b.csv p", "--csv -o b.txt p",
                                "--explain c.jpg p/000.png", "--explain c.png p", "--csv -o b.tsv p"}) {
    const Ran ran = predict(arguments);
    EXPECT_EQ(ran.code, 2) << arguments;
    EXPECT_EQ(std::count(ran.err.begin(), ran.err.end(), '\n'), 1) << ran.err;
  }
  for (const char* file : {"b", "b.xyz", "b.json", "b.csv", "b.txt", "b.tsv", "c.jpg", "c.png"})
    EXPECT_FALSE(exists(file)) << file;
}

TEST_F(Existing, ADirectoryThatIsNotThereIsNamed) {
  put_many(1);
  for (const char* command :
       {"\"$BIN/pcpredict\" -m m -o no/such/rows.csv p", "\"$BIN/pcpredict\" -m m --csv -o no/such/rows p",
        "\"$BIN/pcindex\" -m m -o no/such/shop.index p"}) {
    const Ran ran = run(command);
    EXPECT_TRUE(ended(ran, 4, "there is no folder no/such")) << command;
  }
}

TEST_F(Existing, StreamsStayStreams) {
  put_many(3);
  const std::string whole = predict("--csv p").out;
  EXPECT_EQ(predict("--csv -o /dev/stdout p | cat").out, whole);
  EXPECT_EQ(predict("--csv -o - p").out, whole);
  EXPECT_EQ(run("bash -c '\"$0\" -m m --csv -o >(cat) p; wait $!' \"$BIN/pcpredict\"").out, whole);
  EXPECT_EQ(run("bash -c '\"$0\" -m m --csv --files-from <(ls p/*)' \"$BIN/pcpredict\"").out, whole);
  EXPECT_EQ(predict("--csv --files-from /dev/fd/0 < /dev/null").code, 0);
  EXPECT_EQ(run("ls p/* | \"$BIN/pcpredict\" -m m --csv --files-from /dev/stdin").out, whole);
  for (const char* left : {"-", "-.manifest"}) EXPECT_FALSE(exists(left));
}

TEST_F(Existing, APipeThatNobodyWritesToIsNotWaitedFor) {
  put_many(1);
  const Ran list = run("mkfifo pipe; timeout 20 \"$BIN/pcpredict\" -m m --csv --files-from pipe");
  EXPECT_TRUE(ended(list, 4, "cannot read pipe: a pipe that nobody writes to"));
  const Ran image = run("timeout 20 \"$BIN/pcpredict\" -m m --json pipe p/000.png");
  EXPECT_EQ(image.code, 4);
  ASSERT_EQ(image.lines().size(), 2u);
  EXPECT_EQ(image.lines()[1]["status"], "ok");
}

TEST_F(Existing, WhatCannotBeListedIsCountedAndHidesNothing) {
  if (::geteuid() != 0) GTEST_SKIP() << "not allowed here: only root becomes somebody who may not read";
  if (run("setpriv --reuid=65534 --regid=65534 --clear-groups true").code != 0) GTEST_SKIP() << "setpriv is absent";
  for (const char* name : {"v/a/1.png", "v/lost/2.png", "v/m/3.png", "v/z/4.png", "v/noexec/5.png"}) put(name, 1);
  run("chmod 755 . v; chmod -R a+rX v; chmod 644 m; chmod 700 v/lost; chmod 744 v/noexec");
  const std::string nobody = "setpriv --reuid=65534 --regid=65534 --clear-groups ";
  if (run(nobody + "cat m > /dev/null").code != 0)
    GTEST_SKIP() << "not allowed here: the temporary directory is private";
  for (const char* inputs : {"v", "'v/*'", "'v/*/*.png'"}) {
    const Ran ran = run(nobody + "\"$BIN/pcpredict\" -m m --json " + inputs);
    EXPECT_EQ(ran.code, 4) << inputs << ran.err;
    int answered = 0;
    for (const auto& line : ran.lines()) answered += line["status"] == "ok";
    EXPECT_EQ(answered, 3) << inputs << ran.out;
    for (const char* hidden : {"v/lost", "v/noexec"}) EXPECT_HAS(ran.err, hidden) << inputs << ran.err;
  }
}

}  // namespace
}  // namespace pc::predict
