// pcdoctor: its judgements on machines that this one is not, and the program itself.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "tests/programs.h"
#include "tools/doctor/check_gpu.h"
#include "tools/doctor/checks.h"

namespace pc::doctor {
namespace {

using namespace test;
using State = Finding::State;

TEST(Doctor, CpuThatLacksWhatTheBuildUsesIsAProblem) {
  const Finding good = check_cpu("Xeon", {{"avx2", true, true}, {"avx512f", false, false}});
  EXPECT_EQ(good.state, State::ok);
  EXPECT_EQ(good.found, "Xeon; built for avx2");
  EXPECT_EQ(good.advice, "");
  const Finding bad = check_cpu("Core", {{"avx2", true, true}, {"avx512f", true, false}, {"avx512bf16", false, true}});
  EXPECT_EQ(bad.state, State::problem);
  EXPECT_EQ(bad.code, Exit::usage);
  EXPECT_EQ(bad.found, "Core; built for avx2 avx512f; this CPU lacks avx512f");
  EXPECT_HAS(bad.advice, "-DPC_MARCH=x86-64-v3");
  EXPECT_EQ(check_cpu("", {{"avx2", true, true}, {"avx512f", false, true}}).state, State::warning);
}

TEST(Doctor, ThreadsBeyondTheQuotaAreAWarning) {
  EXPECT_EQ(check_threads({.threads = 8, .cores = 8, .quota = {}}).state, State::ok);
  EXPECT_EQ(check_threads({.threads = 16, .cores = 8, .quota = {}}).state, State::warning);
  const Finding f = check_threads({.threads = 8, .cores = 8, .quota = 1.5});
  EXPECT_EQ(f.state, State::warning);
  EXPECT_EQ(f.found, "8 of 8 cores; a control group allows the time of 1.5");
  EXPECT_HAS(f.advice, "OMP_NUM_THREADS=1");
}

TEST(Doctor, MemoryCountsTheControlGroup) {
  constexpr uint64_t kGigabyte = 1'000'000'000;
  EXPECT_EQ(check_memory({.total = 24 * kGigabyte, .available = 10 * kGigabyte, .limit = {}, .used = {}}).state,
            State::ok);
  const MemoryFacts tight{
      .total = 24 * kGigabyte, .available = 10 * kGigabyte, .limit = 4 * kGigabyte, .used = 3 * kGigabyte};
  EXPECT_EQ(tight.free(), kGigabyte);
  EXPECT_EQ(check_memory(tight).state, State::warning);
  const Finding f =
      check_memory({.total = 24 * kGigabyte, .available = 10 * kGigabyte, .limit = kGigabyte / 4, .used = kGigabyte});
  EXPECT_EQ(f.state, State::problem);
  EXPECT_EQ(f.code, Exit::limit);
}

GpuProbe h100() {
  GpuProbe probe{.driver = 12080, .runtime = 12040, .cudnn = 91900};
  probe.devices = {{.name = "NVIDIA H100", .capability = 90, .memory = 85'000'000'000}};
  return probe;
}
constexpr GpuBuild kBuild{.cuda = 12040, .cudnn = 91900, .architectures = "90;100-real"};

std::string states(const std::vector<Finding>& findings) {
  std::string all;
  for (const Finding& f : findings) all += fmt::format("{} {}\n", f.name, name_of(f.state));
  return all;
}

TEST(Doctor, GpuVersionsFoundAndWanted) {
  const auto good = check_gpu(kBuild, h100());
  EXPECT_EQ(states(good), "driver ok\ncuda ok\ncudnn ok\ngpu ok\n");
  EXPECT_EQ(good[0].found, "runs CUDA up to 12.8, wanted 12.4");
  EXPECT_EQ(good[2].found, "9.19.0, wanted 9.19.0");
  EXPECT_EQ(good[3].found, "NVIDIA H100, compute capability 9.0, 85.0 GB");

  GpuProbe old = h100();
  old.driver = 11080, old.cudnn = 90100, old.devices[0].capability = 75;
  EXPECT_EQ(states(check_gpu(kBuild, old)), "driver warning\ncuda ok\ncudnn warning\ngpu warning\n");
  EXPECT_EQ(exit_code(check_gpu(kBuild, old)), Exit::ok) << "the CPU can do the work";

  const GpuProbe none{.driver_error = "no NVIDIA driver (libcuda.so.1)"};
  EXPECT_EQ(states(check_gpu(kBuild, none)), "driver warning\ncuda problem\ncudnn problem\ngpu absent\n");
  EXPECT_EQ(exit_code(check_gpu(kBuild, none)), Exit::usage);

  EXPECT_EQ(states(check_gpu({}, none)), "gpu absent\n") << "built without CUDA";
  EXPECT_EQ(states(check_gpu({}, h100())), "gpu warning\n");
}

TEST(Doctor, FreeSpaceWeightsAndData) {
  const TemporaryFolder folder;
  EXPECT_NE(check_space("runs", folder / "not/yet/there").state, State::problem);
  write_text(folder / "file", "");
  EXPECT_EQ(check_space("runs", folder / "file").code, Exit::file);
  EXPECT_EQ(check_space("runs", "/proc/nothing").state, State::problem);

  EXPECT_EQ(check_data(folder.path(), folder.path()).state, State::absent);
  EXPECT_EQ(check_weights(folder.path()).state, State::absent);
  EXPECT_NE(check_weights(folder.path()).advice, "");
  write_text(folder / "resnet18.safetensors", "");
  write_text(folder / "fashion-product-images-small.zip", "");
  EXPECT_EQ(check_weights(folder.path()).found, (folder / "resnet18.safetensors").string());
  EXPECT_EQ(check_data(folder.path(), folder.path()).state, State::ok);
}

Outcome shell(const std::string& command) { return run_shell(".", command); }

TEST(Pcdoctor, TextAndJsonAgree) {
  const TemporaryFolder empty;
  const std::string at = fmt::format("cd {0}; XDG_CACHE_HOME={0} {1}/pcdoctor", empty.path().string(), PC_BIN_DIR);
  const Outcome text = shell(at), json = shell(at + " --json");
  const auto told = nlohmann::json::parse(json.out);
  EXPECT_EQ(json.code, text.code);
  EXPECT_EQ(told.at("usable"), json.code == 0);
  std::vector<std::string> names;
  for (const auto& f : told.at("findings")) {
    names.push_back(f.at("name"));
    EXPECT_HAS(text.out, fmt::format("{:<8} {:<9} ", f.at("state").get<std::string>(), names.back()));
    EXPECT_TRUE(f.at("state") == "ok" || f.at("advice") != "") << f;
  }
  for (const char* name : {"cpu", "threads", "memory", "gpu", "runs", "cache", "weights", "data"})
    EXPECT_EQ(std::count(names.begin(), names.end(), name) > 0, true) << name;
  EXPECT_EQ(shell(std::string(PC_BIN_DIR) + "/pcdoctor --nonsense 2>&1").code, 2);
}

// On a CPU without AVX the program still says so; the kernels need AVX2 in every build.
TEST(Pcdoctor, SpeaksOnACpuTooOldForTheKernels) {
  if (shell("command -v qemu-x86_64").code != 0) GTEST_SKIP() << "no qemu-user";
  if (!kMemoryIsMeasurable) GTEST_SKIP() << "sanitizer: its shadow does not fit into the emulator";
  const Outcome r = shell("qemu-x86_64 -cpu Nehalem " PC_BIN_DIR "/pcdoctor 2>/dev/null");
  EXPECT_EQ(r.code, int(Exit::usage));
  EXPECT_HAS(r.out, "this CPU lacks avx2 ");
}

// It runs where the kernels' instructions do not exist: nothing compiled for them is in it, apart from one constant.
TEST(Pcdoctor, HoldsNoKernelAndNoLibraryOfNvidia) {
  if (shell("command -v nm readelf").code != 0) GTEST_SKIP() << "no binutils";
  const std::string program = std::string(PC_BIN_DIR) + "/pcdoctor";
  EXPECT_EQ(shell("nm -C " + program + " | grep -E 'pc::[a-z0-9_]+_(cpu|cuda)$'").out, "");
  EXPECT_NE(shell("nm -C " + program + " | grep 'pc::built_for$'").out, "");
  EXPECT_EQ(shell("readelf -d " + program + " | grep -E 'NEEDED.*(cudart|cudnn|cublas)'").out, "");
  EXPECT_NE(shell("nm -C " + std::string(PC_BIN_DIR) + "/pcpredict | grep -E 'pc::[a-z0-9_]+_cpu$'").out, "")
      << "the pattern finds kernels where they are";
}

}  // namespace
}  // namespace pc::doctor
