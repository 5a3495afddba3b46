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

// Keeps the registers that a call preserves on the stack and its pointer at *from, and goes on with another stack.
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

namespace pc::simt {
namespace {

constexpr std::size_t kPage = 4096;

Machine* machine = nullptr;  // the last one; not thread_local: that would be shared memory
bool inside = false;         // a thread of it is running

Index index_of(std::size_t i, const Index& size) {
  return {unsigned(i % size.x), unsigned(i / size.x % size.y), unsigned(i / size.x / size.y)};
}
std::string text_of(const std::source_location& where) {
  return std::string(where.file_name()) + ":" + std::to_string(where.line());
}
bool same(const std::source_location& a, const std::source_location& b) {
  return a.line() == b.line() && a.column() == b.column() && std::strcmp(a.file_name(), b.file_name()) == 0;
}

// Memory for the stacks, each with a page below it that nobody may touch.
char* stacks() {
  static char* const base = [] {
    char* const all = static_cast<char*>(reserve(kMaxThreads * kStackBytes));
    for (std::size_t i = 0; i < kMaxThreads; ++i) mprotect(all + i * kStackBytes, kPage, PROT_NONE);
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

Machine::Machine(const Launch& launch, std::size_t order, bool traced)
    : threads_(launch.block.volume()),
      fibers_(launch.block.volume()),
      thread_order_(order_of(launch.block.volume(), order)),
      block_order_(order_of(launch.grid.volume(), order)) {
  static uint32_t passes = 0;
  const auto [shared, bytes] = shared_range();
  shared_ = shared;
  running_ = {.launch = &launch, .pass = ++passes, .traced = traced, .shared = shared, .shared_bytes = bytes};
  machine = this;
}

void Machine::run() {
  const Launch& launch = *running_.launch;
  blockDim = {launch.block.x, launch.block.y, launch.block.z};
  gridDim = {launch.grid.x, launch.grid.y, launch.grid.z};
  for (std::size_t i = 0; i < fibers_.size(); ++i) fibers_[i] = make_fiber(stacks() + i * kStackBytes);
  for (std::size_t block : block_order_) {
    running_.block = block;
    const Index at = index_of(block, launch.grid);
    blockIdx = {at.x, at.y, at.z};
    std::memset(shared_, 0xff, running_.shared_bytes);  // NaN in every float type
    for (Thread& thread : threads_) thread = {};
    run_block();
  }
}

// A stack on which fiber_main() is about to be called: six registers, the function, and no way back.
void* Machine::make_fiber(char* stack) {
  void** const top =
      reinterpret_cast<void**>(stack + kStackBytes) - 1;  // as a call leaves it: 8 beyond a multiple of 16
  *top = nullptr;
  top[-1] = reinterpret_cast<void*>(fiber_main);
  return top - 7;
}

// A fiber serves the same thread of one block after another.
void Machine::fiber_main() {
  for (;;) {
    const Running& now = machine->running_;
    const std::size_t thread = now.thread;
    now.launch->call(now.launch->packed);
    machine->threads_[thread].state = Thread::State::done;
    pc_switch_stack(&machine->fibers_[thread], machine->scheduler_);
  }
}

void Machine::resume(std::size_t thread) {
  const Index at = index_of(thread, running_.launch->block);
  threadIdx = {at.x, at.y, at.z};
  running_.thread = thread;
  running_.stack = stacks() + thread * kStackBytes;
  running_.block_barriers = threads_[thread].block_barriers;
  running_.warp_barriers = threads_[thread].warp_barriers;
  inside = true;
  pc_switch_stack(&scheduler_, fibers_[thread]);
  inside = false;
  if (!fault_.empty()) throw std::runtime_error(fault_);
}

void Machine::run_block() {
  for (;;) {
    bool all_done = true, completed = false;
    for (std::size_t thread : thread_order_) {
      if (threads_[thread].state == Thread::State::ready) resume(thread);
      all_done = all_done && threads_[thread].state == Thread::State::done;
    }
    if (all_done) return;
    completed = complete_block();
    for (std::size_t thread = 0; thread < threads_.size(); ++thread) completed = complete_warp(thread) || completed;
    if (!completed)
      throw std::runtime_error(places_of({running_.launch->kernel})[0].function + ", block " +
                               text_of(index_of(running_.block, running_.launch->grid)) +
                               ": these threads wait for ever: " + who_waits());
  }
}

bool Machine::complete_block() {
  for (const Thread& thread : threads_)
    if (thread.state != Thread::State::waiting || thread.wait.kind != Together::block_barrier ||
        !same(thread.wait.where, threads_[0].wait.where))
      return false;
  for (Thread& thread : threads_) {
    thread.state = Thread::State::ready;
    ++thread.block_barriers;
  }
  return true;
}

bool Machine::complete_warp(std::size_t first) {
  const Thread& leader = threads_[first];
  if (leader.state != Thread::State::waiting || leader.wait.kind == Together::block_barrier) return false;
  Thread* const warp = &threads_[first / kWarp * kWarp];
  const std::size_t lanes = std::min(kWarp, threads_.size() - first / kWarp * kWarp);
  const Wait common = leader.wait;
  uint32_t came = 0;
  for (std::size_t lane = 0; lane < lanes; ++lane) {
    const Thread& t = warp[lane];
    if (t.state == Thread::State::waiting && t.wait.kind == common.kind && t.wait.mask == common.mask &&
        same(t.wait.where, common.where))
      came |= uint32_t(1) << lane;
  }
  const uint32_t whole = lanes == kWarp ? 0xffffffffu : (uint32_t(1) << lanes) - 1;
  const uint32_t wanted = common.kind == Together::warp_barrier ? common.mask & whole : common.mask;
  if ((came & wanted) != wanted) return false;
  Thread before[kWarp];
  std::copy_n(warp, lanes, before);
  for (std::size_t lane = 0; lane < lanes; ++lane)
    if (wanted >> lane & 1) {
      receive(warp[lane], lane, before);
      warp[lane].state = Thread::State::ready;
      warp[lane].warp_barriers =
          uint16_t(warp[lane].warp_barriers + (common.kind == Together::warp_barrier && wanted == whole));
    }
  return true;
}

void Machine::receive(Thread& thread, std::size_t lane, const Thread* warp) {
  Wait& wait = thread.wait;
  if (wait.kind == Together::shuffle) {
    if (wait.other != lane && !(wait.mask >> wait.other & 1))
      throw std::runtime_error(text_of(wait.where) + ": lane " + std::to_string(lane) + " reads lane " +
                               std::to_string(wait.other) + ", which is not in the mask");
    wait.bits = warp[wait.other].wait.bits;
  }
  if (wait.kind == Together::ballot) {
    wait.bits = 0;
    for (std::size_t other = 0; other < kWarp; ++other)
      if (wait.mask >> other & 1) wait.bits |= warp[other].wait.bits << other;
  }
}

uint64_t Machine::wait(const Wait& wait) {
  Thread& self = threads_[running_.thread];
  if (wait.kind != Together::block_barrier && !(wait.mask >> running_.thread % kWarp & 1))
    stop(text_of(wait.where) + ": " + thread_name(running_.thread) + " is not in the mask that it names");
  self.wait = wait;
  self.state = Thread::State::waiting;
  pc_switch_stack(&fibers_[running_.thread], scheduler_);
  return self.wait.bits;
}

void Machine::stop(const std::string& message) {
  fault_ = message;
  pc_switch_stack(&fibers_[running_.thread], scheduler_);
  std::abort();  // nobody goes on with a thread that has stopped
}

std::string Machine::thread_name(std::size_t thread) const {
  return "block " + text_of(index_of(running_.block, running_.launch->grid)) + " thread " +
         text_of(index_of(thread, running_.launch->block));
}

// The first thread of every place where some wait, and the first that has ended.
std::string Machine::who_waits() const {
  std::set<std::string> places;
  std::string text;
  for (std::size_t i = 0; i < threads_.size(); ++i) {
    const Thread& t = threads_[i];
    const std::string place = t.state == Thread::State::done ? "has ended" : "waits at " + text_of(t.wait.where);
    if (!places.insert(place).second) continue;
    text += (text.empty() ? "" : ", ") + text_of(index_of(i, running_.launch->block)) + " " + place;
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

void block_barrier(std::source_location where) {
  machine->wait({.kind = Together::block_barrier, .mask = 0, .where = where, .bits = 0, .other = 0});
}

void warp_barrier(uint32_t mask, std::source_location where) {
  machine->wait({.kind = Together::warp_barrier, .mask = mask, .where = where, .bits = 0, .other = 0});
}

uint64_t shuffle(uint32_t mask, uint64_t bits, Lane how, int of, int width, std::source_location where) {
  const int lane = int(machine->running().thread % kWarp), group = lane / width * width;
  int other = lane;
  if (how == Lane::index) other = group + (of % width + width) % width;
  if (how == Lane::up && lane - of >= group) other = lane - of;
  if (how == Lane::down && lane + of < group + width) other = lane + of;
  if (how == Lane::exclusive_or && (lane ^ of) < group + width) other = lane ^ of;
  return machine->wait(
      {.kind = Together::shuffle, .mask = mask, .where = where, .bits = bits, .other = std::size_t(other)});
}

uint32_t ballot(uint32_t mask, bool vote, std::source_location where) {
  return uint32_t(machine->wait({.kind = Together::ballot, .mask = mask, .where = where, .bits = vote, .other = 0}));
}

}  // namespace pc::simt
