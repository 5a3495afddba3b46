#include "tests/predict/fixture.h"

#include <sys/wait.h>
#include <turbojpeg.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <sstream>

#include "data/png.h"
#include "kernels/base/file.h"

namespace pc::test {
namespace {

std::string as_text(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// APP1 with a big-endian TIFF of one entry: tag 0x0112 (orientation), type SHORT, count 1.
std::string exif_segment(int orientation) {
  std::string tiff("MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0", 19);
  tiff += char(orientation);
  tiff += std::string("\0\0\0\0\0\0", 6);
  const std::string body = std::string("Exif\0\0", 6) + tiff;
  const std::size_t length = body.size() + 2;
  return std::string("\xff\xe1") + char(length >> 8) + char(length & 255) + body;
}

}  // namespace

std::string png_of(const Image& image) { return as_text(encode_png(image)); }

std::string jpeg_of(const Image& image, int orientation) {
  const std::unique_ptr<void, int (*)(tjhandle)> codec(tjInitCompress(), tjDestroy);
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
  tjCompress2(codec.get(), image.pixels.data(), image.w, 0, image.h, TJPF_RGB, &bytes, &size, TJSAMP_444, 95, 0);
  std::string jpeg(reinterpret_cast<const char*>(bytes), size);
  tjFree(bytes);
  return orientation ? jpeg.substr(0, 2) + exif_segment(orientation) + jpeg.substr(2) : jpeg;
}

void write_text(const std::filesystem::path& path, const std::string& bytes) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << bytes;
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

std::string said(Predictor& predictor, int seed, std::size_t head) {
  const Logits logits = predictor.predict({predictor.prepare(make_picture(seed))}).front();
  const auto& row = logits[head];
  return predictor.info().heads[head].labels[std::size_t(std::max_element(row.begin(), row.end()) - row.begin())];
}

std::vector<nlohmann::json> Ran::lines() const {
  std::vector<nlohmann::json> all;
  std::istringstream stream(out);
  for (std::string line; std::getline(stream, line);) all.push_back(nlohmann::json::parse(line));
  return all;
}

Ran shell(const std::filesystem::path& folder, const std::string& command) {
  const TemporaryFolder own;
  const std::string line = "cd '" + folder.string() + "'; BIN='" PC_BIN_DIR "'; MODEL='" + tiny_model().string() +
                           "'; unset PC_MODEL NO_COLOR; export OMP_NUM_THREADS=2; { " + command + " ; } >'" +
                           (own / "out").string() + "' 2>'" + (own / "err").string() + "'";
  const int status = std::system(line.c_str());
  return {.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
          .out = read_file(own / "out"),
          .err = read_file(own / "err")};
}

}  // namespace pc::test
