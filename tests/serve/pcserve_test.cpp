// pcserve as clients, attackers and people meet it: the short forms of the scripts beside this file.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cmath>
#include <cstdlib>

#include "data/image.h"
#include "data/jpeg.h"
#include "data/png.h"
#include "kernels/base/file.h"
#include "models/model_file.h"
#include "tests/support.h"

namespace pc::serve {
namespace {

// kind <- type, and color; calibrated, so that an answer has everything it can have.
void save_shop(const std::filesystem::path& path, uint64_t seed) {
  ModelInfo info;
  info.architecture = "smallcnn";
  info.heads = {{"kind", {"clothes", "shoes"}}, {"type", {"boots", "sandals", "shirts"}}, {"color", {"red", "blue"}}};
  info.preprocess = {.height = 32, .width = 24};
  info.hierarchy = {{.fine = 1, .coarse = 0, .coarse_of = {{1}, {1}, {0}}}};
  info.calibration = {.heads = {{.temperature = 1, .thresholds = {{95, {0.4, 0.4}}}},
                                {.temperature = 2, .thresholds = {{95, {0.9, 0.9, 0.9}}}},
                                {.temperature = 1, .thresholds = {{95, {0.5, 0.5}}}}},
                      .novelty = NoveltyRule{.head = 1, .limit = 10}};
  save_model(path, info, *make_classifier(info.architecture, info.head_shapes(), seed));
}

void put(const std::filesystem::path& path, const std::vector<std::byte>& bytes) {
  test::write_text(path, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

data::Image picture(int seed, int h, int w) {
  data::Image image{.h = h, .w = w, .pixels = {}};
  for (int i = 0; i < h * w * 3; ++i)
    image.pixels.push_back(uint8_t(127.5 + 120 * std::sin(0.001 * (seed + 1) * i + seed + i % 3)));
  return image;
}

class PcServe : public testing::Test {
 protected:
  // Once for all cases: two models and a folder of pictures.
  static const std::filesystem::path& place() {
    static const test::TemporaryFolder folder;
    static const std::filesystem::path path = [] {
      save_shop(folder / "shop.safetensors", 3);
      save_shop(folder / "other.safetensors", 4);
      std::filesystem::create_directory(folder / "pictures");
      for (int i = 0; i < 4; ++i) {
        put(folder / ("pictures/" + std::to_string(i) + ".png"), encode_png(picture(i, 40 + 9 * i, 50)));
        put(folder / ("pictures/" + std::to_string(i) + ".jpg"), encode_jpeg(picture(i + 4, 300, 200 + i)));
      }
      std::filesystem::copy_file(PC_SOURCE_DIR "/tests/data/golden/alpha.webp", folder / "pictures/alpha.webp");
      return folder.path();
    }();
    return path;
  }
  // The exit code of a script; what it printed goes to this test's own output.
  static int script(const std::string& name, const std::string& arguments) {
    const std::string line = "cd '" + place().string() + "' && '" PC_SOURCE_DIR "/tests/serve/" + name +
                             "' '" PC_BIN_DIR "' " + arguments + " 2>&1";
    const int status = std::system(line.c_str());
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
};

TEST_F(PcServe, AnswersAreThoseOfPcpredict) {
  EXPECT_EQ(script("parity_with_pcpredict.py", "shop.safetensors pictures 480"), 0);
}

TEST_F(PcServe, AttacksGetTheirStatusAndHealthyClientsTheirAnswers) {
  const std::string memory = test::kMemoryIsMeasurable ? "" : " unmeasured";
  EXPECT_EQ(script("attacks.py", "shop.safetensors pictures/0.jpg 400" + memory), 0);
}

TEST_F(PcServe, DrainsLoseNothing) { EXPECT_EQ(script("drain.py", "shop.safetensors pictures/0.jpg 4"), 0); }

TEST_F(PcServe, MixedTrafficLeavesNothingBehind) {
  const std::string memory = test::kMemoryIsMeasurable ? "" : " unmeasured";
  EXPECT_EQ(script("soak.py", "shop.safetensors other.safetensors pictures 8" + memory), 0);
}

TEST_F(PcServe, AnswersProbesOldClientsAndEveryPartOfAForm) {
  EXPECT_EQ(script("clients.py", "shop.safetensors pictures/0.jpg"), 0);
}

TEST_F(PcServe, LongRequestsHoldNobodyUp) { EXPECT_EQ(script("stalls.py", "shop.safetensors pictures/0.jpg"), 0); }

TEST_F(PcServe, SpeaksTheProtocolOfKServe) { EXPECT_EQ(script("kserve.py", "shop.safetensors pictures/0.jpg"), 0); }

TEST_F(PcServe, IsWhatItsDocumentDescribes) {
  const std::string index = "cd '" + place().string() +
                            "' && '" PC_BIN_DIR
                            "/pcindex' --model shop.safetensors -o shop.index pictures >/dev/null 2>&1";
  ASSERT_EQ(std::system(index.c_str()), 0);
  EXPECT_EQ(script("openapi.py", "shop.safetensors pictures/0.jpg shop.index"), 0);
}

TEST_F(PcServe, ReloadsUnderTrafficWhileTheFileIsCopiedOver) {
  EXPECT_EQ(script("reloads.py", "shop.safetensors other.safetensors pictures 1500 60"), 0);
}

TEST_F(PcServe, ServesWhateverItsSurroundings) {
  EXPECT_EQ(script("surroundings.py", "shop.safetensors pictures/0.jpg"), 0);
}

TEST_F(PcServe, WithoutMemoryItRefusesAndLivesOn) {
  if (!test::kMemoryIsMeasurable) GTEST_SKIP() << "sanitizer: it ends a program that gets no memory";
  EXPECT_EQ(script("out_of_memory.py", "shop.safetensors pictures/0.jpg"), 0);
}

TEST_F(PcServe, ThePageIsUsable) {
  for (const char* name : {"browser.py", "page_inputs.py"}) {
    const int code = script(name, "shop.safetensors pictures");
    if (code == 77) GTEST_SKIP() << "chromium absent";
    EXPECT_EQ(code, 0) << name;
  }
}

TEST_F(PcServe, StartsOnlyWithWhatItCanUse) {
  const auto ends = [](const std::string& arguments) {
    const std::string line = "cd '" + place().string() + "' && unset PC_MODEL && timeout 20 '" PC_BIN_DIR "/pcserve' " +
                             arguments + " >out 2>err";
    const int status = std::system(line.c_str());
    const std::string err = read_file(place() / "err");
    EXPECT_EQ(std::count(err.begin(), err.end(), '\n'), 1) << err;
    EXPECT_EQ(read_file(place() / "out"), "");
    return WEXITSTATUS(status);
  };
  EXPECT_EQ(ends(""), 2);
  EXPECT_EQ(ends("--model nowhere.safetensors"), 4);
  EXPECT_EQ(ends("--model pictures/0.png"), 3);
  // Where to listen is not a name that is answered: the options for that are named.
  for (const char* host : {"shop.example", "'*'", "https://shop.example", "127.0.0.1:80", "''"}) {
    EXPECT_EQ(ends(std::string("--model shop.safetensors --host ") + host), 2) << host;
    EXPECT_HAS(read_file(place() / "err"), "--allow-host and --allow-origin") << host;
  }
  EXPECT_EQ(ends("--model shop.safetensors --host 203.0.113.1"), 5);
  EXPECT_HAS(read_file(place() / "err"), "--allow-host and --allow-origin");
  for (const char* value : {"--allow-host shop.example:8080", "--allow-host https://shop.example", "--allow-host ''",
                            "--allow-host '*.shop.example'", "--allow-origin shop.example",
                            "--allow-origin https://shop.example/", "--allow-origin https://shop.example:443"})
    EXPECT_EQ(ends(std::string("--model shop.safetensors ") + value), 2) << value;
  EXPECT_EQ(ends("--model shop.safetensors --token-file nowhere"), 4);
  EXPECT_EQ(ends("--model shop.safetensors --token-file pictures/../empty"), 4);
  EXPECT_EQ(ends("--model shop.safetensors --max-batch 0"), 2);
  EXPECT_EQ(ends("--model shop.safetensors --device tpu"), 2);
}

}  // namespace
}  // namespace pc::serve
