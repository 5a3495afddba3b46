// What is given in place of a model file is named, with the way out.
#include "tools/weights/read_model.h"

#include <gtest/gtest.h>

#include "engine/safetensors_write.h"
#include "engine/state.h"
#include "kernels/base/error.h"
#include "kernels/base/file.h"
#include "tests/support.h"
#include "tests/weights/pth_bytes.h"
#include "tools/weights/weights.h"

namespace pc::weights {
namespace {

using namespace std::string_literals;

class ReadModel : public testing::Test {
 protected:
  std::string refusal(const std::string& path, Exit code = Exit::data) const {
    const std::string message = test::refusal([&] { read_model(path); }, code);
    EXPECT_TRUE(message.starts_with(path + ": ")) << message;
    return message.substr(std::min(message.size(), path.size() + 2));
  }
  std::string of_bytes(const std::string& bytes) const {
    write_file_atomically(folder_ / "given", bytes);
    return refusal((folder_ / "given").string());
  }
  void save(const std::filesystem::path& path) const {
    const ModelInfo info{.architecture = "smallcnn", .heads = {{"kind", {"a", "b"}}}};
    std::filesystem::create_directories(path.parent_path());
    save_model(path, info, *make_classifier("smallcnn", info.head_shapes(), 1));
  }
  test::TemporaryFolder folder_;
};

TEST_F(ReadModel, ModelsAreRead) {
  save(folder_ / "m");
  EXPECT_EQ(read_model(folder_ / "m").info.architecture, "smallcnn");
}

TEST_F(ReadModel, OtherFilesAreNamed) {
  const std::string body(600, '\1');
  const std::pair<std::string, std::string> cases[] = {
      {std::string("\xff\xd8\xff\xe0\0\x10JFIF", 10).append(body), "not a model file; it looks like JPEG"},
      {"\x89PNG\r\n\x1a\n" + body, "not a model file; it looks like PNG"},
      {"\x08\x07\x12\x07pytorch" + body, "not a model file; it is an ONNX graph"},
      {"[data]\nroot = photos\n", "not a model file; it is an INI file, a configuration for pctrain"},
      {"# the quick one\n; and so on\n\n[data]\nroot = photos\n", "not a model file; it is an INI file"},
      {"\xef\xbb\xbf[train]\r\nepochs = 3\r\n", "not a model file; it is an INI file"},
      {"{\"architectures\": []}", "not a model file; it is JSON text"},
      {"[1, 2]", "not a model file; it is JSON text"},
      {"[\"a\"]", "not a model file; it is JSON text"},
      {"<!DOCTYPE html><html>" + body, "not a model file; it looks like HTML"},
      {"version https://git-lfs.github.com/spec/v1\n", "not a model file; it is a Git LFS pointer"},
      {"GGUF" + body, "not a model file; it is a GGUF file"},
      {"\x1f\x8b\x08" + body, "not a model file; it is packed with gzip"},
      {"", "not a model file; it is empty"},
      {"id,label\n1,shirt\n", "not a model file; pctrain writes those"},
      {std::string(4096, '\0'), "not a model file; pctrain writes those"},
      {std::string(4096, '\x7f'), "not a model file; pctrain writes those"},
      {test::zip({{"images/1.jpg", "x"}}), "a zip archive, but not one of torch.save (no data.pkl)"},
  };
  for (const auto& [bytes, wanted] : cases) {
    const std::string message = of_bytes(bytes);
    EXPECT_TRUE(message.starts_with(wanted)) << message << " instead of " << wanted;
    EXPECT_LACKS(message, "802636829374401");
  }
}

TEST_F(ReadModel, WeightsWithoutLabelsAreNamed) {
  for (const char* golden : {"plain.pth", "stacked/plain.pth"}) {
    const std::string message = refusal(PC_SOURCE_DIR "/tests/weights/golden/"s + golden);
    EXPECT_TRUE(
        message.starts_with("PyTorch's weights, which have no labels; train a model on them with model.weights = "))
        << message;
  }
  const auto model = make_classifier("smallcnn", {{"kind", 2}}, 1);
  write_safetensors(folder_ / "w", {.tensors = state_dict(*model), .metadata = {}});
  EXPECT_TRUE(refusal((folder_ / "w").string()).starts_with("holds weights but no labels; train a model on it"));
}

TEST_F(ReadModel, DirectoriesNameTheModelInside) {
  save(folder_ / "runs/one/model.safetensors");
  write_file_atomically((std::filesystem::create_directories(folder_ / "runs/half/last"),
                         folder_ / "runs/half/last/checkpoint.safetensors"),
                        "x");
  std::filesystem::create_directories(folder_ / "runs/empty");
  const std::string runs = (folder_ / "runs").string();
  EXPECT_EQ(refusal(runs + "/one", Exit::file), "a directory; its model is " + runs + "/one/model.safetensors");
  EXPECT_EQ(refusal(runs + "/half", Exit::file),
            "a directory of a training run that is not finished; run pctrain again to finish it");
  EXPECT_EQ(refusal(runs, Exit::file), "a directory; name a model in it, such as " + runs + "/one/model.safetensors");
  EXPECT_EQ(refusal(runs + "/empty", Exit::file), "a directory, in which no model.safetensors is; name a file");
}

}  // namespace
}  // namespace pc::weights
