// The library handles, and error reporting for failed library calls.
#include "kernels/runtime/cuda.h"

#include <dlfcn.h>

#include <cstring>
#include <string>

#include "kernels/base/error.h"
#include "kernels/runtime/select.h"

namespace pc {
namespace {

// "kernels/add/add_cuda.cu:31: cudaGetLastError(): "
std::string site_text(const detail::CallSite& site) {
  const char* file = std::strstr(site.file, "kernels/");
  return std::string(file ? file : site.file) + ":" + std::to_string(site.line) + ": " + site.call + ": ";
}

std::string cudnn_text() {
  char text[512] = {};
  cudnnGetLastErrorString(text, sizeof(text));
  return text;
}

std::string version(std::size_t v) {
  return std::to_string(v / 10000) + "." + std::to_string(v / 100 % 100) + "." + std::to_string(v % 100);
}

void check_cudnn_version() {
  const std::size_t found = cudnnGetVersion(), wanted = CUDNN_VERSION;
  if (found / 100 != wanted / 100)
    fail(Exit::usage, "cuDNN " + version(found) + " was loaded, this build needs " + version(wanted) +
                          "; take the other one off LD_LIBRARY_PATH or build again");
}

// A function of the cuBLAS of the same major version as the CUDA runtime compiled against. Never unloaded.
template <class Function>
Function load_cublas(const char* name) {
  const std::string file = "libcublas.so." + std::to_string(CUDART_VERSION / 1000);
  void* library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  void* function = library ? dlsym(library, name) : nullptr;
  if (!function)
    fail(Exit::usage, file + ": " + name + ": " + dlerror() + "; install CUDA's cuBLAS or use device = cpu");
  return reinterpret_cast<Function>(function);
}

}  // namespace

namespace detail {

void check(cudaError_t status, const CallSite& site) {
  if (status == cudaSuccess) return;
  cudaGetLastError();  // a recoverable error must not be reported again by the next launch
  fail(status == cudaErrorMemoryAllocation ? Exit::limit : Exit::usage,
       "CUDA: " + site_text(site) + cudaGetErrorName(status) + ", " + cudaGetErrorString(status));
}

void check(cudnnStatus_t status, const CallSite& site) {
  if (status == CUDNN_STATUS_SUCCESS) return;
  fail(status == CUDNN_STATUS_ALLOC_FAILED ? Exit::limit : Exit::usage,
       "cuDNN: " + site_text(site) + cudnnGetErrorString(status) + ", " + cudnn_text());
}

void check(cublasStatus_t status, const CallSite& site) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  fail(status == CUBLAS_STATUS_ALLOC_FAILED ? Exit::limit : Exit::usage,
       "cuBLAS: " + site_text(site) + load_cublas<decltype(&cublasGetStatusString)>("cublasGetStatusString")(status));
}

}  // namespace detail

// The handles live as long as the process: at exit the driver may be gone before a static destructor runs.

cudnnHandle_t cudnn_handle() {
  static const cudnnHandle_t shared = [] {
    check_cudnn_version();
    cudnnHandle_t made;
    PC_CUDA_CHECK(cudnnCreate(&made));
    return made;
  }();
  PC_CUDA_CHECK(cudnnSetStream(shared, stream()));
  return shared;
}

std::string device_and_cudnn_id() {
  int device = 0;
  cudaDeviceProp properties{};
  PC_CUDA_CHECK(cudaGetDevice(&device));
  PC_CUDA_CHECK(cudaGetDeviceProperties(&properties, device));
  return "cuDNN " + version(cudnnGetVersion()) + ", " + properties.name + ", " +
         std::to_string(properties.multiProcessorCount) + " multiprocessors";
}

const Cublas& cublas() {
  static const Cublas shared = [] {
    Cublas made{};
    made.gemm_ex = load_cublas<decltype(made.gemm_ex)>("cublasGemmEx");
    PC_CUDA_CHECK(load_cublas<decltype(&cublasCreate_v2)>("cublasCreate_v2")(&made.handle));
    PC_CUDA_CHECK(load_cublas<decltype(&cublasSetStream_v2)>("cublasSetStream_v2")(made.handle, stream()));
    // A workspace of its own (after the stream, whose change resets it): with cuBLAS's, a recorded product allocates memory in the graph,
    // and may use another algorithm than the one that ran before.
    constexpr std::size_t kWorkspace = 32 << 20;
    void* workspace = nullptr;
    PC_CUDA_CHECK(cudaMalloc(&workspace, kWorkspace));
    PC_CUDA_CHECK(
        load_cublas<decltype(&cublasSetWorkspace_v2)>("cublasSetWorkspace_v2")(made.handle, workspace, kWorkspace));
    return made;
  }();
  return shared;
}

// Counting devices starts the driver but creates no context; without a driver it only returns an error.
bool cuda_available() {
  static const bool available = [] {
    int devices = 0;
    const bool found = cudaGetDeviceCount(&devices) == cudaSuccess && devices > 0;
    cudaGetLastError();
    return found;
  }();
  return available;
}

}  // namespace pc
