#include "tests/predict/fixture.h"

#include <turbojpeg.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <memory>

#include "data/png.h"
#include "kernels/base/file.h"

namespace pc::test {
namespace {

std::string as_text(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

std::string png_of(const data::Image& image) { return as_text(encode_png(image)); }

std::string jpeg_of(const data::Image& image) {
  const std::unique_ptr<void, int (*)(tjhandle)> codec(tjInitCompress(), tjDestroy);
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
  tjCompress2(codec.get(), image.pixels.data(), image.w, 0, image.h, TJPF_RGB, &bytes, &size, TJSAMP_444, 95, 0);
  std::string jpeg(reinterpret_cast<const char*>(bytes), size);
  tjFree(bytes);
  return jpeg;
}

ModelInfo tiny_info() {
  ModelInfo info;
  info.architecture = "resnet18";
  info.heads = {{"kind", {"a", "b", "c"}}, {"colour", {"red", "green", "Other"}}};
  info.preprocess = {.height = 32, .width = 32};
  return info;
}

std::filesystem::path tiny_model() {
  static const TemporaryFolder folder;
  static const std::filesystem::path path = [] {
    const ModelInfo info = tiny_info();
    save_model(folder / "tiny.safetensors", info, *make_classifier(info.architecture, info.head_shapes(), 3));
    return folder / "tiny.safetensors";
  }();
  return path;
}

std::string said(predict::Predictor& predictor, int seed, std::size_t head) {
  const predict::Logits logits = predictor.predict({predictor.prepare(make_picture(seed))}).front();
  const auto& row = logits[head];
  return predictor.info().heads[head].labels[std::size_t(std::max_element(row.begin(), row.end()) - row.begin())];
}

Ran shell(const std::filesystem::path& folder, const std::string& command) {
  return run_shell(folder, "BIN='" PC_BIN_DIR "'; MODEL='" + tiny_model().string() +
                               "'; unset PC_MODEL NO_COLOR; export OMP_NUM_THREADS=2; " + command);
}

}  // namespace pc::test
