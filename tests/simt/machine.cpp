#include "tests/simt/machine.h"

#include <link.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <numeric>
#include <random>
#include <set>
#include <stdexcept>

#include "cuda_runtime.h"

// Keeps the registers that a call preserves on the stack and its pointer at *from, and continues on another stack.
// (swapcontext() does the same with a system call, at ten times the cost.)
extern "C" void pc_switch_stack(void** from, void* to);
asm(R"(
  .text
pc_switch_stack:
  push %rbp
  push %rbx
  push %r12
  push %r13
  push %r14
  push %r15
  mov %rsp, (%rdi)
  mov %rsi, %rsp
  pop %r15
  pop %r14
  pop %r13
  pop %r12
  pop %rbx
  pop %rbp
  ret
)");

uint3 threadIdx, blockIdx;
dim3 blockDim, gridDim;

namespace pc {
// launch.cuh declares it.
alignas(16) thread_local unsigned char dynamic_shared_memory[simt::kSharedBytes];
}  // namespace pc

namespace pc::simt {

Machine* machine = nullptr;

namespace {

constexpr std::size_t kPage = 4096, kMaxFibers = kMultiprocessors * kMaxThreads;

bool inside = false;  // a thread of the machine is running

Index index_of(std::size_t i, const Index& size) {
  return {unsigned(i % size.x), unsigned(i / size.x % size.y), unsigned(i / size.x / size.y)};
}

// Memory for the stacks, each with an inaccessible page below it.
char* stacks() {
  static char* const base = [] {
    char* const all = static_cast<char*>(reserve(kMaxFibers * kStackBytes));
    for (std::size_t i = 0; i < kMaxFibers; ++i) mprotect(all + i * kStackBytes, kPage, PROT_NONE);
    return all;
  }();
  return base;
}

// The thread_local variables of the program in the calling thread: what the kernels call shared memory is among them.
std::pair<char*, std::size_t> shared_range() {
  std::pair<char*, std::size_t> range{};
  dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* out) {
        for (int i = 0; i < info->dlpi_phnum; ++i)
          if (info->dlpi_phdr[i].p_type == PT_TLS)
            *static_cast<std::pair<char*, std::size_t>*>(out) = {static_cast<char*>(info->dlpi_tls_data),
                                                                 info->dlpi_phdr[i].p_memsz};
        return 1;  // the program itself comes first
      },
      &range);
  return range;
}

std::vector<std::size_t> order_of(std::size_t n, std::size_t order) {
  std::vector<std::size_t> list(n);
  std::iota(list.begin(), list.end(), std::size_t(0));
  if (order == 1) std::reverse(list.begin(), list.end());
  if (order > 1) std::shuffle(list.begin(), list.end(), std::mt19937(unsigned(order)));
  return list;
}

}  // namespace

std::string text_of(const Index& i) {
  return "(" + std::to_string(i.x) + ", " + std::to_string(i.y) + ", " + std::to_string(i.z) + ")";
}

std::string text_of(const std::source_location& where) {
  return std::string(where.file_name()) + ":" + std::to_string(where.line());
}

uint32_t next_phase() {
  static uint32_t last = 0;
  return ++last;
}

Machine::Machine(const Launch& launch, std::size_t order, bool traced)
    : block_size_(launch.block.volume()),
      threads_((launch.cooperative ? launch.grid.volume() : 1) * block_size_),
      fibers_(threads_.size()),
      copies_(threads_.size()),
      thread_order_(order_of(block_size_, order)),
      block_order_(order_of(launch.grid.volume(), order)) {
  const auto [shared, bytes] = shared_range();
  shared_ = shared;
  const uint32_t phase = next_phase();
  running_ = {.launch = &launch,
              .first_phase = phase,
              .phase = phase,
              .traced = traced,
              .shared = shared,
              .shared_bytes = bytes,
              .dynamic_shared = reinterpret_cast<const char*>(dynamic_shared_memory)};
  machine = this;
}

void Machine::run() {
  const Launch& launch = *running_.launch;
  blockDim = {launch.block.x, launch.block.y, launch.block.z};
  gridDim = {launch.grid.x, launch.grid.y, launch.grid.z};
  for (std::size_t i = 0; i < fibers_.size(); ++i) fibers_[i] = make_fiber(stacks() + i * kStackBytes);
  if (launch.cooperative) return run_together();
  for (std::size_t block : block_order_) {
    enter(block);
    std::memset(shared_, kPoison, running_.shared_bytes);
    for (Thread& thread : threads_) thread = {};
    run_block();
  }
}

// Every block in turn until it waits for the grid or has ended; swaps their shared memory.
void Machine::run_together() {
  const std::size_t blocks = block_order_.size(), bytes = running_.shared_bytes;
  std::vector<std::vector<char>> shared(blocks, std::vector<char>(bytes, kPoison));
  for (;;) {
    std::size_t ended = 0;
    for (std::size_t block : block_order_) {
      enter(block);
      std::memcpy(shared_, shared[block].data(), bytes);
      ended += run_block();
      std::memcpy(shared[block].data(), shared_, bytes);
    }
    if (ended == blocks) return;
    complete_grid();
  }
}

void Machine::enter(std::size_t block) {
  running_.block = block;
  first_ = running_.launch->cooperative ? block * block_size_ : 0;
  const Index at = index_of(block, running_.launch->grid);
  blockIdx = {at.x, at.y, at.z};
}

// A stack on which fiber_main() is about to be called: six registers, the function, and no way back.
void* Machine::make_fiber(char* stack) {
  // The top is as a call leaves it: 8 beyond a multiple of 16.
  void** const top = reinterpret_cast<void**>(stack + kStackBytes) - 1;
  *top = nullptr;
  top[-1] = reinterpret_cast<void*>(fiber_main);
  return top - 7;
}

// A fiber runs the same thread of one block after another.
void Machine::fiber_main() {
  for (;;) {
    const Running& now = machine->running_;
    const std::size_t fiber = machine->first_ + now.thread;
    now.launch->call(now.launch->packed);
    machine->threads_[fiber].state = Thread::State::done;
    pc_switch_stack(&machine->fibers_[fiber], machine->scheduler_);
  }
}

void Machine::resume(std::size_t thread) {
  const Index at = index_of(thread, running_.launch->block);
  const std::size_t fiber = first_ + thread;
  threadIdx = {at.x, at.y, at.z};
  running_.thread = thread;
  running_.stack = stacks() + fiber * kStackBytes;
  running_.block_barriers = threads_[fiber].block_barriers;
  running_.warp_barriers = threads_[fiber].warp_barriers;
  running_.copies = &copies_[fiber];
  inside = true;
  pc_switch_stack(&scheduler_, fibers_[fiber]);
  inside = false;
  if (!fault_.empty()) throw std::runtime_error(fault_);
}

// True: the block has ended; false: it waits for the grid.
bool Machine::run_block() {
  for (;;) {
    bool all_done = true;
    for (std::size_t thread : thread_order_) {
      if (here(thread).state == Thread::State::ready) resume(thread);
      all_done = all_done && here(thread).state == Thread::State::done;
    }
    if (all_done) return true;
    if (all_wait(Collective::grid_barrier)) return false;
    bool completed = complete_block();
    for (std::size_t thread = 0; thread < block_size_; ++thread) completed = complete_warp(thread) || completed;
    if (!completed)
      throw std::runtime_error(places_of({running_.launch->kernel})[0].function + ", block " +
                               text_of(index_of(running_.block, running_.launch->grid)) +
                               ": these threads wait for ever: " + who_waits());
  }
}

void Machine::pause() { pc_switch_stack(&fibers_[first_ + running_.thread], scheduler_); }

void Machine::stop(const std::string& message) {
  fault_ = message;
  pause();
  std::abort();  // a finished thread is never resumed
}

std::string Machine::thread_name(std::size_t thread) const {
  return "block " + text_of(index_of(running_.block, running_.launch->grid)) + " thread " +
         text_of(index_of(thread, running_.launch->block));
}

// The first thread at every position where threads of the block wait, and the first that has ended.
std::string Machine::who_waits() const {
  std::set<std::string> places;
  std::string text;
  for (std::size_t i = 0; i < block_size_; ++i) {
    const std::string state = state_of(threads_[first_ + i]);
    if (!places.insert(state).second) continue;
    text += (text.empty() ? "" : ", ") + text_of(index_of(i, running_.launch->block)) + " " + state;
  }
  return text;
}

// The same for blocks, each represented by its first thread.
std::string Machine::which_blocks_wait() const {
  std::set<std::string> places;
  std::string text;
  for (std::size_t i = 0; i < block_order_.size(); ++i) {
    const std::string state = state_of(threads_[i * block_size_]);
    if (!places.insert(state).second) continue;
    text += (text.empty() ? "" : ", ") + text_of(index_of(i, running_.launch->grid)) + " " + state;
  }
  return text;
}

Running* running() { return inside ? &machine->running() : nullptr; }

void fault(const std::string& what, const void* address) {
  if (!inside) throw std::runtime_error(what);
  const Running& now = machine->running();
  const void* const kernel = now.launch->kernel;
  const std::vector<Place> places = places_of({address ? address : kernel, kernel});
  machine->stop(places[0].file + ":" + std::to_string(places[0].line) + ": " + places[1].function + ", " +
                machine->thread_name(now.thread) + " " + what);
}

}  // namespace pc::simt
