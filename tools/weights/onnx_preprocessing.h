// Preprocessing as ONNX nodes: the filters of data/resize.h and kernels/augment/augment.h as two matrices each, made in
// the graph from the sizes of the pictures at hand.
//
// ONNX's own Resize antialiases from opset 18 on only, and knows neither crops beyond the picture nor our two steps.
#pragma once

#include <string>

#include "models/model_file.h"
#include "tools/weights/onnx_graph.h"

namespace pc {

// u8 [n,h,w,3] -> f32 [n,3,height,width]: what Predictor::prepare() makes of the same pixels, within 1e-5.
std::string add_onnx_preprocessing(OnnxGraph& graph, const std::string& pictures, const Preprocess& preprocess);

}  // namespace pc
