// The engine's stream, and the second stream that branches run on.
#include <exception>

#include "kernels/runtime/cuda.h"
#include "kernels/runtime/deferred_free.h"
#include "kernels/runtime/streams.h"

namespace pc {
namespace {

thread_local bool on_branch = false;

class OnBranch {
 public:
  OnBranch() : before_(on_branch) { on_branch = true; }
  ~OnBranch() { on_branch = before_; }
  OnBranch(const OnBranch&) = delete;
  OnBranch& operator=(const OnBranch&) = delete;
  cudaStream_t stream() const { return pc::stream(); }

 private:
  bool before_;
};

cudaStream_t make_stream() {
  cudaStream_t made;
  PC_CUDA_CHECK(cudaStreamCreateWithFlags(&made, cudaStreamNonBlocking));
  return made;
}

cudaEvent_t make_event() {
  cudaEvent_t made;
  PC_CUDA_CHECK(cudaEventCreateWithFlags(&made, cudaEventDisableTiming));
  return made;
}

// Work enqueued on `later` from now on waits for all work queued on `earlier` so far. A wait refers to the event's last
// record, so a thread can reuse one event.
void order(cudaStream_t earlier, cudaStream_t later) {
  thread_local const cudaEvent_t event = make_event();
  PC_CUDA_CHECK(cudaEventRecord(event, earlier));
  PC_CUDA_CHECK(cudaStreamWaitEvent(later, event, 0));
}

}  // namespace

// Streams and events live as long as the process: at exit the driver may be gone before a static destructor runs.
cudaStream_t stream() {
  static const cudaStream_t trunk = make_stream(), branch = make_stream();
  return on_branch ? branch : trunk;
}

void run_concurrently(const std::function<void()>& branch, const std::function<void()>& trunk) {
  const memory::DeferredFree deferred_free(Device::cuda);
  const cudaStream_t here = stream(), there = OnBranch().stream();
  order(here, there);
  std::exception_ptr failure;
  try {
    {
      const OnBranch guard;
      branch();
    }
    trunk();
  } catch (...) {
    failure = std::current_exception();
  }
  order(there, here);  // also after an exception: `deferred_free` releases the memory after this
  if (failure) std::rethrow_exception(failure);
}

}  // namespace pc
