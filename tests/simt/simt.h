// A simulated GPU on the host ("the stand-in"): runs the real source of the CUDA kernels, thread by thread, and checks
// them.
//
// The directory include/ replaces the toolkit's headers, so that g++ compiles kernels/**/*_cuda.cu unchanged. A launch
// runs the blocks one after another; the threads of a block are fibers, which run until a barrier or a shuffle and
// resume when all its threads have arrived. The blocks of a cooperative launch are all resident, and run in turn until
// each waits at the grid barrier. The launch is repeated with other orders of threads and blocks, each time from the
// same memory, and must give the same bits. With g++'s -fsanitize=thread the kernels report every access (trace.cpp),
// which detects races, accesses outside buffers, and reads of uninitialized memory.
//
// Every fault throws std::runtime_error with the kernel, the line, the block and the thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <source_location>
#include <string>
#include <vector>

namespace pc::simt {

struct Index {
  unsigned x = 1, y = 1, z = 1;
  std::size_t volume() const { return std::size_t(x) * y * z; }
};

// `call` runs the kernel for one thread with the arguments at `packed`, the only host memory that a kernel may read.
struct Launch {
  Index grid, block;
  const void* kernel;
  void (*call)(const void* packed);
  const void* packed;
  std::size_t packed_bytes;
  std::size_t parameter_bytes;
  std::size_t dynamic_shared;
  bool cooperative;
};
void launch(const Launch& launch);

// The simulated device: multiprocessors with one block each, and the most shared memory per block, with and without
// cudaFuncSetAttribute. Both are small, because every thread of a cooperative launch has a stack.
constexpr std::size_t kMultiprocessors = 5, kSharedBytes = std::size_t(96) << 10, kFreelyShared = std::size_t(48) << 10;
constexpr std::size_t kL2Bytes = 4096;  // smaller than a small convolution's tensors

// Off, for whole models: only one order of threads, and accesses are not checked.
void set_checks(bool on);

// The kernels that launch() has run, by address.
std::vector<const void*> kernels_run();

// The collectives. One is complete when every thread of its mask has arrived at the same line.
enum class Collective : uint8_t { grid_barrier, block_barrier, warp_barrier, shuffle, ballot };  // the widest first
enum class Lane : uint8_t { index, up, down, exclusive_or };
void grid_barrier(std::source_location where);
void block_barrier(std::source_location where);
void warp_barrier(uint32_t mask, std::source_location where);
// The `bits` given by the lane that `how` and `of` select; the thread's own if that is outside its group of `width`
// lanes.
uint64_t shuffle(uint32_t mask, uint64_t bits, Lane how, int of, int width, std::source_location where);
uint32_t ballot(uint32_t mask, bool vote, std::source_location where);

// An asynchronous copy to shared memory, done when the thread waits for it.
struct Copy {
  void* to;
  unsigned char bytes[16];
  const void* code;  // the address of the call
  bool committed;
};

// The running thread.
struct Running {
  const Launch* launch;
  uint32_t first_phase, phase;             // each pass over a grid and each grid barrier starts a new one
  bool traced;                             // only the first pass of a launch is
  std::size_t block, thread;               // linear indices
  uint16_t block_barriers, warp_barriers;  // passed so far
  const char* stack;                       // of its fiber
  const char* shared;                      // shared memory of the block
  std::size_t shared_bytes;
  const char* dynamic_shared;
  std::vector<Copy>* copies;
};
Running* running();  // null outside a kernel

// Ends the launch with a fault of the running thread. `address` is a code address, null if the message has the
// position.
[[noreturn]] void fault(const std::string& what, const void* address = nullptr);

// Checks and records an access of the running thread; `back`: the return address of the report; the byte before it
// belongs to the line of the access.
void touch(const void* address, std::size_t bytes, bool writes, const void* back);

constexpr std::size_t kStackBytes = std::size_t(128) << 10;

// Device memory is one range of addresses; buffers have exactly the size requested, followed by guard bytes.
constexpr std::size_t kArenaBytes = std::size_t(4) << 30;
char* arena();
bool is_device(const void* p);
void* reserve(std::size_t bytes);       // address space, without memory until it is accessed
std::vector<unsigned char> contents();  // of every buffer
void restore(const std::vector<unsigned char>& contents);
void check_guards();
std::string describe(std::size_t at);  // a position in contents()
std::string describe(const void* p);   // an address on the device

// The state of each byte of device memory.
enum class Byte : uint8_t { nobody, fresh, written };
Byte* byte_states(const void* p);
void mark_written(void* p, std::size_t bytes);

// The host may access device memory only while one of these exists: otherwise the program crashes.
class DeviceAccess {
 public:
  DeviceAccess();
  ~DeviceAccess();
  DeviceAccess(const DeviceAccess&) = delete;
  DeviceAccess& operator=(const DeviceAccess&) = delete;
};

// "kernels/add/add_cuda.cu:12 add_kernel", from the debug information.
struct Place {
  std::string function, file;
  int line;
};
std::vector<Place> places_of(const std::vector<const void*>& addresses);

}  // namespace pc::simt
