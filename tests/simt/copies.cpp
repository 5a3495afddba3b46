// Asynchronous copies to shared memory: read when requested, written only when the thread waits for them, so that a
// missing wait leaves the memory unwritten.
#include <algorithm>
#include <cstring>

#include "cuda_pipeline.h"
#include "tests/simt/simt.h"

using namespace pc::simt;

void __pipeline_memcpy_async(void* to, const void* from, std::size_t bytes) {
  const void* const back = __builtin_return_address(0);
  const void* const code = static_cast<const char*>(back) - 1;
  if (bytes != sizeof(Copy::bytes)) fault("copies asynchronously in other pieces than of 16 bytes", code);
  if ((reinterpret_cast<uintptr_t>(to) | reinterpret_cast<uintptr_t>(from)) % bytes != 0)
    fault("copies asynchronously from or to a misaligned address", code);
  touch(from, bytes, false, back);
  Copy copy{.to = to, .bytes = {}, .code = back, .committed = false};
  std::memcpy(copy.bytes, from, bytes);
  running()->copies->push_back(copy);
}

void __pipeline_commit() {
  for (Copy& copy : *running()->copies) copy.committed = true;
}

void __pipeline_wait_prior(std::size_t groups) {
  if (groups > 0) fault("waits for some of its copies, which this stand-in does not know");
  std::vector<Copy>& copies = *running()->copies;
  for (const Copy& copy : copies)
    if (copy.committed) {
      touch(copy.to, sizeof(copy.bytes), true, copy.code);
      std::memcpy(copy.to, copy.bytes, sizeof(copy.bytes));
    }
  std::erase_if(copies, [](const Copy& copy) { return copy.committed; });
}
