// Tests of pcpredict on many images: a directory with a small model, "m", and the real programs run in it.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "kernels/base/file.h"
#include "tests/predict/fixture.h"
#include "tools/weights/zip_write.h"

namespace pc::test {

class BatchTest : public testing::Test {
 protected:
  void SetUp() override {
    ModelInfo info = tiny_info();
    info.architecture = "smallcnn";
    info.preprocess = {.height = 8, .width = 8};
    save_model(folder_ / "m", info, *make_classifier(info.architecture, info.head_shapes(), 3));
  }
  Ran run(const std::string& command) { return shell(folder_.path(), "M=m; " + command); }
  Ran predict(const std::string& arguments) { return run("\"$BIN/pcpredict\" -m $M " + arguments); }
  void put(const std::string& name, int seed) { write_text(folder_ / name, png_of(make_picture(seed))); }
  void put_many(int count) {
    for (int i = 0; i < count; ++i) put(fmt::format("p/{:03}.png", i), i);
  }
  void put_zip(const std::string& name, const std::vector<std::pair<std::string, std::string>>& files) {
    std::vector<weights::ZipPart> parts;
    for (const auto& [file, bytes] : files)
      parts.push_back({file, {reinterpret_cast<const std::byte*>(bytes.data()), bytes.size()}});
    weights::write_zip(folder_ / name, parts, [] {});
  }
  std::string text(const std::string& name) { return read_file(folder_ / name); }
  bool exists(const std::string& name) { return std::filesystem::exists(folder_ / name); }
  static std::vector<std::string> files(const Ran& ran) {
    std::vector<std::string> all;
    for (const auto& line : ran.lines()) all.push_back(line["file"]);
    return all;
  }
  using Names = std::vector<std::string>;

  TemporaryFolder folder_;
};

}  // namespace pc::test
