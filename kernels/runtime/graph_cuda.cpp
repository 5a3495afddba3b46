// Fills graph_cuda with CUDA graphs, captured from the engine's stream.
#include "kernels/runtime/cuda.h"
#include "kernels/runtime/graph.h"

namespace pc {
namespace {

thread_local bool recording_here = false;

// Thread-local mode: a call that must not be captured is an error only in the thread that makes it.
void begin() {
  PC_CUDA_CHECK(cudaStreamBeginCapture(stream(), cudaStreamCaptureModeThreadLocal));
  recording_here = true;
}

void* end() {
  recording_here = false;
  cudaGraph_t graph = nullptr;
  PC_CUDA_CHECK(cudaStreamEndCapture(stream(), &graph));
  cudaGraphExec_t recording = nullptr;
  const cudaError_t status = cudaGraphInstantiate(&recording, graph, 0);
  cudaGraphDestroy(graph);
  PC_CUDA_CHECK(status);
  return recording;
}

void drop() noexcept {
  recording_here = false;
  cudaGraph_t graph = nullptr;
  if (cudaStreamEndCapture(stream(), &graph) == cudaSuccess) cudaGraphDestroy(graph);
  cudaGetLastError();
}

void launch(void* recording) { PC_CUDA_CHECK(cudaGraphLaunch(static_cast<cudaGraphExec_t>(recording), stream())); }

void release(void* recording) noexcept { cudaGraphExecDestroy(static_cast<cudaGraphExec_t>(recording)); }

}  // namespace

bool recording_cuda() { return recording_here; }

const DeviceGraph graph_cuda{
    .records = true, .begin = begin, .end = end, .drop = drop, .launch = launch, .release = release};

}  // namespace pc
