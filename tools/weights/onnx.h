// Model files as ONNX graphs, for onnxruntime and whoever else reads them. They are written only, never read.
//
// The graph (opset 17) has the batch norms folded into the convolutions, as prediction here has; one output [n,classes]
// per head, named by it: logits, as pcpredict --logits shows them. The model file's metadata (architecture, labels,
// preprocessing, hierarchy, calibration) are its metadata_props.
#pragma once

#include <filesystem>

#include "models/model_file.h"

namespace pc::weights {

enum class OnnxInput {
  normalized,  // "input": f32 [n,3,height,width], fitted and normalized as the metadata say
  pixels       // "pictures": u8 RGB [n,h,w,3] of any size, which the graph fits and normalizes itself
};

// Deterministic and atomic. Throws Error(data) for an architecture without an export and where a head's name is taken
// within the graph, Error(limit) over the
// 2 GB of protocol buffers, Error(file).
void write_onnx(const std::filesystem::path& path, LoadedModel& model, OnnxInput input);

bool is_onnx_name(const std::filesystem::path& path);

}  // namespace pc::weights
