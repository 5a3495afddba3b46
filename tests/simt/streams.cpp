// Streams and events of the stand-in: streams are numbers, events read the clock of its cuDNN's engines.
#include "streams.h"

#include "engines.h"

namespace pc::simt {
namespace {

std::vector<std::string>& notes() {
  static std::vector<std::string> all;
  return all;
}

void note(const char* what, cudaStream_t stream) {
  std::string line = what + std::to_string(reinterpret_cast<uintptr_t>(stream));
  if (notes().empty() || notes().back() != line) notes().push_back(std::move(line));
}

}  // namespace

const std::vector<std::string>& stream_notes() { return notes(); }
void clear_stream_notes() { notes().clear(); }
void note_work(cudaStream_t stream) { note("work ", stream); }

}  // namespace pc::simt

using namespace pc::simt;
struct Event {
  double clock = 0;
  std::size_t copies = 0;  // that were asked for before it
};
Event& of(cudaEvent_t event) { return *reinterpret_cast<Event*>(event); }

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  static uintptr_t made = 0;
  *stream = reinterpret_cast<cudaStream_t>(++made);
  return cudaSuccess;
}
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t, unsigned) {
  note("wait ", stream);
  return cudaSuccess;
}
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  *event = reinterpret_cast<cudaEvent_t>(new Event);
  return cudaSuccess;
}
cudaError_t cudaEventDestroy(cudaEvent_t event) {
  delete &of(event);
  return cudaSuccess;
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  note("record ", stream);
  of(event) = {engine_clock, late_copies()};
  return cudaSuccess;
}
cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  arrive(of(event).copies);
  return cudaSuccess;
}
cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t start, cudaEvent_t end) {
  *milliseconds = float(of(end).clock - of(start).clock);
  return cudaSuccess;
}
