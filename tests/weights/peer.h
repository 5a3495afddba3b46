// Other libraries as a second opinion on a model's logits, where they are installed.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <vector>

#include "models/model_file.h"
#include "tests/weights/program.h"

namespace pc::test {

class Peer : public Pcconvert {
 protected:
  // A Python that has these modules: $PC_ORACLE_PYTHON, else what tools/setup.sh made, else Debian's. Empty: there is none.
  std::string python_with(const std::string& modules) const;

  // A tensor for a script: its bytes in a file, and the argument that names file and shape.
  std::string given(const std::string& name, const void* data, std::size_t bytes, const Shape& shape) const;
  std::vector<float> floats_of(const std::string& name) const;  // a file that a script wrote
};

class Onnx : public Peer {
 protected:
  std::string python() const;  // one that has onnxruntime

  // Runs the model on what given() made; the outputs become files NAME.OUTPUT.
  nlohmann::json run_onnx(const std::string& model, const std::vector<std::string>& inputs) const;
};

#define PC_NEEDS_ONNXRUNTIME() \
  if (python().empty()) GTEST_SKIP() << "no onnxruntime: PC_ORACLES=yes tools/setup.sh installs it from PyPI"

// Two heads, and names that need escapes.
ModelInfo info_of(const std::string& architecture, int height = 32, int width = 24);

// A model whose statistics and scales are not those of a fresh one, its logits below about ten.
LoadedModel lively_model(const ModelInfo& info);

std::vector<float> planes(const Tensor& nhwc);  // f32 [n,h,w,3] as [n,3,h,w]

double largest_difference(const std::vector<float>& a, const std::vector<float>& b);  // infinite where sizes differ

}  // namespace pc::test
