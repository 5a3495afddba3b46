// The answer to a KServe v2 inference request: tensors in JSON, or as bytes after it for outputs that ask for that.
#pragma once

#include <string>
#include <vector>

#include "tools/serve/infer_request.h"
#include "tools/serve/message.h"
#include "tools/serve/predictions.h"

namespace pc::serve {

// The field that says how many bytes of a body are its JSON; the bytes of binary tensors follow in the order of the
// JSON: https://github.com/kserve/kserve/blob/master/docs/predict-api/v2/binary_tensor_data_extension.md
inline constexpr const char* kJsonLength = "Inference-Header-Content-Length";

struct TensorInfo {
  std::string name;
  const char* type;
  std::vector<int64_t> shape;  // -1: as many as there are images
};

// Per head: NAME, the logits; NAME.label, the label that is named, "" for none; NAME.p, its calibrated probability.
std::vector<TensorInfo> output_tensors(const ModelInfo& info);

// Throws Error(data) if an output is asked for that the model does not have.
void check_outputs(const InferRequest& request, const ModelInfo& info);

// `answers` are those of all images, none failed; the outputs asked for are there.
Response infer_response(const InferRequest& request, const std::vector<Answered>& answers, const ServedModel& model);

}  // namespace pc::serve
