// CUDA graphs of the stand-in GPU: a list of what was submitted.
#include "tests/simt/capture.h"

#include <stdexcept>
#include <string>
#include <vector>

#include "cuda_runtime.h"

namespace pc::simt {
namespace {

using Work = std::vector<std::function<void()>>;
Work* capturing = nullptr;

}  // namespace

void submit(std::function<void()> work) {
  if (capturing)
    capturing->push_back(std::move(work));
  else
    work();
}

void refuse_in_capture(const char* what) {
  if (capturing) throw std::runtime_error(std::string(what) + " while a graph is captured");
}

}  // namespace pc::simt

using namespace pc::simt;

cudaError_t cudaStreamBeginCapture(cudaStream_t, cudaStreamCaptureMode) {
  refuse_in_capture("cudaStreamBeginCapture");
  capturing = new Work;
  return cudaSuccess;
}

cudaError_t cudaStreamEndCapture(cudaStream_t, cudaGraph_t* graph) {
  *graph = reinterpret_cast<cudaGraph_t>(capturing);
  capturing = nullptr;
  return cudaSuccess;
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t* recording, cudaGraph_t graph, unsigned long long) {
  *recording = reinterpret_cast<cudaGraphExec_t>(new Work(*reinterpret_cast<Work*>(graph)));
  return cudaSuccess;
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t recording, cudaStream_t) {
  for (const auto& work : *reinterpret_cast<Work*>(recording)) submit(work);
  return cudaSuccess;
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  delete reinterpret_cast<Work*>(graph);
  return cudaSuccess;
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t recording) {
  delete reinterpret_cast<Work*>(recording);
  return cudaSuccess;
}
