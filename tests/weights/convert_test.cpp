// pcconvert as a user runs it: output, exit codes, hashes, and torchvision taking the converted file.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "data/zip.h"
#include "kernels/base/error.h"
#include "kernels/base/file.h"
#include "kernels/base/sha256.h"
#include "tests/weights/program.h"
#include "tools/weights/weights.h"

namespace pc::weights {
namespace {

using namespace test;

const std::string golden = PC_SOURCE_DIR "/tests/weights/golden/";

TEST_F(Pcconvert, ConvertsAndSaysSoOnStderr) {
  const Result r = run(fmt::format("{}plain.pth {}", golden, path("p.safetensors")));
  EXPECT_EQ(r.code, 0) << r.err;
  EXPECT_EQ(r.out, "");
  const AnyWeights weights = read_weights(path("p.safetensors"));
  EXPECT_EQ(weights.format, "safetensors");
  EXPECT_EQ(weights.file.metadata.at("format"), "pt");
  EXPECT_EQ(weights.file.find("bn.num_batches_tracked")->type, FileType::i64);
  EXPECT_EQ(weights.file.find("conv.weight")->shape, (Shape{4, 3, 3, 3}));
}

TEST_F(Pcconvert, WarnsOfValuesThatAreNotFinite) {
  const Result r = run(fmt::format("{}dtypes.pth {}", golden, path("a.safetensors")));
  EXPECT_HAS(r.err, "warning: \"f16\" holds 1 values");
  EXPECT_HAS(r.err, "warning: \"f64\" holds 1 values");
}

TEST_F(Pcconvert, InspectPrintsATable) {
  const Result r = run("--inspect " + golden + "dtypes.pth");
  EXPECT_EQ(r.code, 0) << r.err;
  EXPECT_EQ(r.err, "");
  EXPECT_HAS(r.out, "non-finite\n");
  EXPECT_HAS(r.out, "dtypes.pth (pth): 11 tensors, 24 elements, 81 bytes, 2 non-finite\n");
}

TEST_F(Pcconvert, InspectPrintsJson) {
  const Result r = run("--json --inspect " + golden + "dtypes.pth");
  EXPECT_EQ(r.code, 0) << r.err;
  const auto json = nlohmann::json::parse(r.out);
  const auto& t = json.at("tensors");
  EXPECT_EQ(t.size(), 11u);
  EXPECT_EQ(
      t[0],
      nlohmann::json::parse(
          R"({"name": "f64", "dtype": "F64", "shape": [3], "min": -2.25, "mean": -0.375, "max": 1.5, "nonfinite": 1})"));
  EXPECT_TRUE(t[10].at("min").is_null());
  EXPECT_EQ(json.at("total").at("nonfinite"), 2);
}

TEST_F(Pcconvert, VerifyTellsTheFirstDifferences) {
  EXPECT_EQ(run(fmt::format("{}plain.pth {}", golden, path("a.safetensors"))).code, 0);
  Result r = run(fmt::format("--verify {}plain.pth {}", golden, path("a.safetensors")));
  EXPECT_EQ(r.code, 0);
  EXPECT_EQ(r.out, "equal to the bit: 7 tensors\n");
  std::string bytes = read_file(path("a.safetensors"));
  bytes.back() = char(uint8_t(bytes.back()) ^ 0x80);  // the sign of the last weight
  write_file_atomically(path("b.safetensors"), bytes);
  r = run(fmt::format("--verify {} {}", path("a.safetensors"), path("b.safetensors")));
  EXPECT_EQ(r.code, 3);
  EXPECT_HAS(r.out, "conv.weight: 1 of 108 elements differ, first [3, 2, 2, 2]: ");
  r = run(fmt::format("--verify {} {}one.pth", path("a.safetensors"), golden));
  EXPECT_EQ(r.code, 3);
  EXPECT_HAS(r.out, "w: only in the second file\n");
}

TEST_F(Pcconvert, ChecksTheHashInTheName) {
  const std::string bytes = read_file(golden + "one.pth");
  const std::string hash = sha256_hex(std::as_bytes(std::span(bytes.data(), bytes.size()))).substr(0, 8);
  const std::string good = path("net-" + hash + ".pth"), bad = path("net-f37072fd.pth");
  write_file_atomically(good, bytes);
  write_file_atomically(bad, bytes);
  EXPECT_EQ(run(good + " " + path("a.safetensors")).code, 0);
  const Result r = run(bad + " " + path("b.safetensors"));
  EXPECT_TRUE(ended(r, 3, "its SHA-256 begins with " + hash + ", not with f37072fd"));
  EXPECT_FALSE(std::filesystem::exists(path("b.safetensors")));
  EXPECT_EQ(run("--no-hash-check " + bad + " " + path("b.safetensors")).code, 0);
}

// By another spelling of its path, a link and a hard link too, also with --force.
TEST_F(Pcconvert, InputIsNeverOverwritten) {
  const std::string in = path("in.safetensors");
  ASSERT_EQ(run(fmt::format("{}plain.pth {}", golden, in)).code, 0);
  const std::string before = read_file(in);
  std::filesystem::create_directory(path("sub"));
  std::filesystem::create_symlink(in, path("link.safetensors"));
  std::filesystem::create_hard_link(in, path("hard.safetensors"));
  for (const std::string& out : {in, folder_.path().string() + "/./in.safetensors", path("sub/../in.safetensors"),
                                 path("link.safetensors"), path("hard.safetensors")})
    for (const char* force : {"", "--force "}) {
      for (const auto& [from, to] : {std::pair(in, out), std::pair(out, in)}) {
        const Result r = run(fmt::format("{}{} {}", force, from, to));
        EXPECT_TRUE(ended(r, 2, "are the same file")) << out;
      }
      EXPECT_TRUE(read_file(in) == before) << out;
    }
}

TEST_F(Pcconvert, OutputsAreReplacedOnlyIfAsked) {
  for (const char* out : {"o.safetensors", "o.pth", "o.pt", "o.PTH"}) {
    const std::string command = golden + "plain.pth " + path(out);
    EXPECT_EQ(run(command).code, 0) << out;
    const std::string before = read_file(path(out));
    const Result r = run(golden + "one.pth " + path(out));
    EXPECT_TRUE(ended(r, 4, "--force")) << out;
    EXPECT_TRUE(read_file(path(out)) == before) << out;
    EXPECT_EQ(run("--force " + golden + "one.pth " + path(out)).code, 0) << out;
    EXPECT_FALSE(read_file(path(out)) == before) << out;
  }
  EXPECT_EQ(read_weights(path("o.PTH")).format, "pth");
}

TEST_F(Pcconvert, OutputsOfOtherFormatsAreRefused) {
  for (const char* out :
       {"o.tflite", "o.torchscript", "o.engine", "o.xyz", "o", "o.safetensors.bak", "o.bin", ".pth", "o.onnx.gz"}) {
    const Result r = run(golden + "plain.pth " + path(out));
    EXPECT_TRUE(ended(r, 2, ".safetensors, .pth, .pt or .onnx")) << out;
    EXPECT_FALSE(std::filesystem::exists(path(out))) << out;
  }
}

TEST_F(Pcconvert, ExitCodesAndOneLine) {
  const std::vector<std::pair<std::string, int>> cases = {
      {"PCCONVERT", 2},
      {"PCCONVERT --nonsense", 2},
      {"PCCONVERT only_one", 2},
      {"PCCONVERT --inspect a b", 2},
      {"PCCONVERT --inspect --verify a b", 2},
      {"PCCONVERT --json a b", 2},
      {"PCCONVERT a b c", 2},
      {"PCCONVERT " + golden + "protocol4.pth " + path("x.safetensors"), 3},
      {"PCCONVERT " + golden + "expected.txt " + path("x.safetensors"), 3},
      {"PCCONVERT " + path("absent.pth") + " " + path("x.safetensors"), 4},
      {"PCCONVERT " + folder_.path().string() + " " + path("x.safetensors"), 4},
      {"PCCONVERT " + golden + "one.pth " + path("no/such/folder/x.safetensors"), 4},
      {"PCCONVERT --inspect " + golden + "one.pth > /dev/full", 4},
      {"ulimit -f 1; trap '' XFSZ; PCCONVERT " + golden + "plain.pth " + path("x.safetensors"), 4},
  };
  for (const auto& [command, code] : cases) {
    const Result r = shell(command);
    EXPECT_EQ(r.code, code) << command << "\n" << r.err;
    EXPECT_EQ(r.out, "") << command;
    EXPECT_EQ(r.err.rfind("pcconvert: ", 0), 0u) << r.err;
    EXPECT_EQ(std::count(r.err.begin(), r.err.end(), '\n'), 1) << r.err;
  }
  EXPECT_FALSE(std::filesystem::exists(path("x.safetensors")));
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path()));
}

// Nobody writes to the pipe: who opens it for reading would wait for ever.
TEST_F(Pcconvert, PipesAndDevicesAreRefusedAtOnce) {
  ASSERT_EQ(shell("mkfifo " + path("pipe.pth")).code, 0);
  for (const std::string& in : {path("pipe.pth"), std::string("/dev/zero"), std::string("/dev/null")})
    for (const std::string& arguments :
         {in + " " + path("o.safetensors"), in + " " + path("o.onnx"), "--inspect " + in}) {
      const Result r = shell("timeout 20 PCCONVERT " + arguments);
      EXPECT_TRUE(ended(r, 4, in)) << arguments;
    }
}

TEST_F(Pcconvert, HelpGoesToStdout) {
  const Result r = run("--help");
  EXPECT_EQ(r.code, 0);
  EXPECT_HAS(r.out, "Usage: pcconvert [OPTIONS] IN OUT");
  EXPECT_EQ(r.err, "");
}

TEST_F(Pcconvert, TorchvisionLoadsResNet18Strict) {
  const std::string script = "/usr/bin/python3 " PC_SOURCE_DIR "/tests/weights/read_safetensors.py ";
  const Result written = shell(script + "--write " + path("r.pth"));
  if (written.code == 77 || written.code == 127) GTEST_SKIP() << "no torch or torchvision for /usr/bin/python3";
  ASSERT_EQ(written.code, 0) << written.err;
  Result r = run(path("r.pth") + " " + path("r.safetensors"));
  ASSERT_EQ(r.code, 0) << r.err;
  r = shell(script + path("r.pth") + " " + path("r.safetensors"));
  EXPECT_EQ(r.code, 0) << r.err;
  EXPECT_EQ(r.out, "122 tensors equal\n");
}

// Straight to .pth, and by way of safetensors.
TEST_F(Pcconvert, TorchTakesItsFilesBackToTheBit) {
  const std::string script = "/usr/bin/python3 " PC_SOURCE_DIR "/tests/weights/torch_files.py ";
  const Result written = shell(script + "--write " + folder_.path().string());
  if (written.code == 77 || written.code == 127) GTEST_SKIP() << "no torch or torchvision for /usr/bin/python3";
  ASSERT_EQ(written.code, 0) << written.err;
  for (const char* name : {"resnet.pth", "many.pth", "resnet_wrapped_stacked.pth", "many_wrapped_stacked.pth"}) {
    const std::string file = path(name);
    EXPECT_EQ(run(fmt::format("{0} {0}.direct.pth", file)).code, 0) << name;
    EXPECT_EQ(run(fmt::format("{0} {0}.safetensors", file)).code, 0) << name;
    EXPECT_EQ(run(fmt::format("{0}.safetensors {0}.back.pth", file)).code, 0) << name;
    EXPECT_EQ(run(fmt::format("--verify {0} {0}.back.pth", file)).code, 0) << name;
  }
  const Result checked = shell(script + "--check " + folder_.path().string());
  EXPECT_EQ(checked.code, 0) << checked.err;
  EXPECT_EQ(checked.out, "resnet 122\nresnet_wrapped_stacked 122\nmany 1500\nmany_wrapped_stacked 1500\n");
}

// Records 64-byte aligned, checksums right, the same bytes every time; Python's zipfile agrees where it exists.
TEST_F(Pcconvert, WritesPthAlignedAndDeterministic) {
  EXPECT_EQ(run(fmt::format("{}dtypes.pth {}", golden, path("a.pth"))).code, 0);
  EXPECT_EQ(run(fmt::format("{}stacked/dtypes.pth {}", golden, path("b.pt"))).code, 0);
  const std::string a = read_file(path("a.pth"));
  EXPECT_TRUE(a == read_file(path("b.pt")));
  const auto records = data::read_zip_directory(std::as_bytes(std::span(a.data(), a.size())), "a.pth");
  EXPECT_EQ(records.size(), 11u + 3u);
  for (const data::ZipRecord& r : records) {
    EXPECT_EQ((reinterpret_cast<const char*>(r.data.data()) - a.data()) % 64, 0) << r.name;
    EXPECT_NO_THROW(data::check_crc(r, "a.pth")) << r.name;
  }
  const Result judged = shell("/usr/bin/python3 -m zipfile -t " + path("a.pth"));
  EXPECT_TRUE(judged.code == 127 || judged.out == "Done testing\n") << judged.err;
}

TEST_F(Pcconvert, RefusesNamesThatPthCannotHold) {
  WeightFile file;
  const std::byte data[4] = {};
  for (const char* name : {"w", "w"}) file.tensors.push_back({.name = name, .shape = {1}, .data = data});
  EXPECT_THROW(write_weights(path("a.pth"), file), Error);
  file.tensors[1].name = "\xff";
  EXPECT_THROW(write_weights(path("a.pth"), file), Error);
  EXPECT_FALSE(std::filesystem::exists(path("a.pth")));
}

}  // namespace
}  // namespace pc::weights
