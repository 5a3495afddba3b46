// Stands in for CUDA's names of element types.
#pragma once

enum cudaDataType_t { CUDA_R_32F, CUDA_R_16F, CUDA_R_16BF };
