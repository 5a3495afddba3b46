// What the tests of the prediction tools share: pictures, a tiny model file, and the real programs run in a shell.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "data/image.h"
#include "models/model_file.h"
#include "tests/data/make_picture.h"
#include "tests/programs.h"
#include "tools/predict/predictor.h"

namespace pc::test {

std::string png_of(const data::Image& image);
std::string jpeg_of(const data::Image& image);

// ResNet18 for 32x32 inputs with random weights; heads kind (a, b, c) and colour (red, green, Other).
ModelInfo tiny_info();
// Its file, made once per process.
std::filesystem::path tiny_model();

// What the model itself says of make_picture(seed), so that a label can be made right or wrong.
std::string said(predict::Predictor& predictor, int seed, std::size_t head = 0);

using Ran = Outcome;
// A shell command; $BIN is where the programs are, $MODEL the tiny model; it runs in `folder`.
Ran shell(const std::filesystem::path& folder, const std::string& command);

}  // namespace pc::test
