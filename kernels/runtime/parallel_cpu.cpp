#include "kernels/runtime/parallel.h"

#include <omp.h>

#include <exception>
#include <mutex>

namespace pc {

int thread_count() { return omp_get_max_threads(); }
void set_thread_count(int threads) { omp_set_num_threads(threads > 0 ? threads : omp_get_num_procs()); }

namespace detail {

void run_blocks(int64_t blocks, const std::function<void(int64_t)>& block) {
  std::exception_ptr error;
  std::mutex mutex;
#pragma omp parallel for schedule(static)
  for (int64_t i = 0; i < blocks; ++i) {
    try {
      block(i);
    } catch (...) {
      std::lock_guard lock(mutex);
      error = std::current_exception();
    }
  }
  if (error) std::rethrow_exception(error);
}

}  // namespace detail
}  // namespace pc
