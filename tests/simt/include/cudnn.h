// Stands in for cuDNN's header: the names that kernels/runtime/cuda.h and cudnn_graph.h use.
#pragma once

using cudnnHandle_t = struct cudnnContext*;
enum cudnnStatus_t { CUDNN_STATUS_SUCCESS };
using cudnnBackendDescriptor_t = void*;
enum cudnnBackendDescriptorType_t { CUDNN_BACKEND_OPERATION };
enum cudnnBackendAttributeName_t { CUDNN_ATTR_NONE };
enum cudnnBackendAttributeType_t { CUDNN_TYPE_FLOAT };
enum cudnnPointwiseMode_t { CUDNN_POINTWISE_ADD, CUDNN_POINTWISE_RELU_FWD };
