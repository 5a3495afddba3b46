// A GPU on the host: runs the real source of the CUDA kernels, thread by thread, and watches what they do.
//
// The folder include/ stands in for the toolkit's headers, so that g++ compiles kernels/**/*_cuda.cu as they are. A
// launch runs every block, one after another; the threads of a block are fibers that run until a barrier or a shuffle
// and go on when all whom it concerns have come. The blocks of a cooperative launch all live at once, and run in turn
// until each waits for the grid. The launch is repeated with the threads and blocks in other orders,
// each time from the same memory, and must leave the same bits. g++'s -fsanitize=thread makes the kernels report every
// access (trace.cpp), which finds races, memory that is nobody's, and memory that nobody has written.
//
// Every fault throws std::runtime_error that names the kernel, the line, the block and the thread.
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

// `call` runs the kernel for one thread with what lies at `packed`, the only host memory a kernel may read.
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

// What the stand-in says of itself: multiprocessors that hold one block each, and the shared memory a block may ask
// for, with leave (cudaFuncSetAttribute) and without. Few and small, for every thread of a cooperative launch has a
// stack.
constexpr std::size_t kMultiprocessors = 5, kSharedBytes = std::size_t(96) << 10, kFreelyShared = std::size_t(48) << 10;
constexpr std::size_t kL2Bytes = 4096;  // a small convolution's tensors pass it

// Off, for whole models: one order, and nobody looks at the accesses.
void set_checks(bool on);

// The kernels that launch() has run, by address.
std::vector<const void*> kernels_run();

// What threads do together. A collective is complete when every thread named has come to the same line.
enum class Together : uint8_t { grid_barrier, block_barrier, warp_barrier, shuffle, ballot };  // the widest first
enum class Lane : uint8_t { index, up, down, exclusive_or };
void grid_barrier(std::source_location where);
void block_barrier(std::source_location where);
void warp_barrier(uint32_t mask, std::source_location where);
// The `bits` that the lane `of` names has brought; the thread's own where it names none of its group of `width` lanes.
uint64_t shuffle(uint32_t mask, uint64_t bits, Lane how, int of, int width, std::source_location where);
uint32_t ballot(uint32_t mask, bool vote, std::source_location where);

// What a thread has asked to be copied to shared memory, whenever it waits for it.
struct Copy {
  void* to;
  unsigned char bytes[16];
  const void* code;  // where it was asked for
  bool committed;
};

// The running thread.
struct Running {
  const Launch* launch;
  uint32_t first_phase, phase;             // a pass over a grid begins one, and so does each of its grid barriers
  bool traced;                             // only the first pass of a launch is
  std::size_t block, thread;               // counted through
  uint16_t block_barriers, warp_barriers;  // passed so far
  const char* stack;                       // of its fiber
  const char* shared;                      // shared memory of the block
  std::size_t shared_bytes;
  const char* dynamic_shared;
  std::vector<Copy>* copies;
};
Running* running();  // null outside a kernel

// Ends the launch with a fault of the running thread. `address` is one in the code, null where the message has the
// place.
[[noreturn]] void fault(const std::string& what, const void* address = nullptr);

// Checks and records an access of the running thread; `back`: where the access reported returns to, one byte before
// lies its line.
void touch(const void* address, std::size_t bytes, bool writes, const void* back);

constexpr std::size_t kStackBytes = std::size_t(128) << 10;

// Device memory lies in one range of addresses: exactly as many bytes as asked for, with guard bytes behind.
constexpr std::size_t kArenaBytes = std::size_t(4) << 30;
char* arena();
bool is_device(const void* p);
void* reserve(std::size_t bytes);       // address space that costs nothing until it is touched
std::vector<unsigned char> contents();  // of every buffer
void restore(const std::vector<unsigned char>& contents);
void check_guards();
std::string describe(std::size_t at);  // a place in contents()
std::string describe(const void* p);   // an address on the device

// What is known of each byte of device memory.
enum class Byte : uint8_t { nobody, fresh, written };
Byte* byte_states(const void* p);
void mark_written(void* p, std::size_t bytes);

// The host may touch device memory only while one of these lives: elsewhere that ends the program.
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
