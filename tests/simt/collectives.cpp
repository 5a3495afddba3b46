// The collectives: which threads a barrier, a shuffle or a vote waits for, and its results.
#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "tests/simt/machine.h"

namespace pc::simt {
namespace {

bool same(const std::source_location& a, const std::source_location& b) {
  return a.line() == b.line() && a.column() == b.column() && std::strcmp(a.file_name(), b.file_name()) == 0;
}

bool waits(const Thread& thread, Collective kind, const std::source_location& where) {
  return thread.state == Thread::State::waiting && thread.wait.kind == kind && same(thread.wait.where, where);
}

}  // namespace

bool Machine::all_wait(Collective kind) const {
  const Thread* const block = &threads_[first_];
  return std::all_of(block, block + block_size_,
                     [&](const Thread& thread) { return waits(thread, kind, block->wait.where); });
}

// Every block has ended or waits for the grid as a whole.
void Machine::complete_grid() {
  for (const Thread& thread : threads_)
    if (!waits(thread, Collective::grid_barrier, threads_[0].wait.where))
      throw std::runtime_error(places_of({running_.launch->kernel})[0].function +
                               ": these blocks wait for ever: " + which_blocks_wait());
  for (Thread& thread : threads_) thread.state = Thread::State::ready;
  running_.phase = next_phase();
}

bool Machine::complete_block() {
  if (!all_wait(Collective::block_barrier)) return false;
  for (std::size_t i = 0; i < block_size_; ++i) {
    here(i).state = Thread::State::ready;
    ++here(i).block_barriers;
  }
  return true;
}

bool Machine::complete_warp(std::size_t first) {
  const Thread& leader = here(first);
  if (leader.state != Thread::State::waiting || leader.wait.kind <= Collective::block_barrier) return false;
  Thread* const warp = &here(first / kWarp * kWarp);
  const std::size_t lanes = std::min(kWarp, block_size_ - first / kWarp * kWarp);
  const Wait common = leader.wait;
  uint32_t came = 0;
  for (std::size_t lane = 0; lane < lanes; ++lane) {
    const Thread& t = warp[lane];
    if (waits(t, common.kind, common.where) && t.wait.mask == common.mask) came |= uint32_t(1) << lane;
  }
  const uint32_t whole = lanes == kWarp ? 0xffffffffu : (uint32_t(1) << lanes) - 1;
  const uint32_t wanted = common.kind == Collective::warp_barrier ? common.mask & whole : common.mask;
  if ((came & wanted) != wanted) return false;
  Thread before[kWarp];
  std::copy_n(warp, lanes, before);
  for (std::size_t lane = 0; lane < lanes; ++lane)
    if (wanted >> lane & 1) {
      receive(warp[lane], lane, before);
      warp[lane].state = Thread::State::ready;
      warp[lane].warp_barriers =
          uint16_t(warp[lane].warp_barriers + (common.kind == Collective::warp_barrier && wanted == whole));
    }
  return true;
}

void Machine::receive(Thread& thread, std::size_t lane, const Thread* warp) {
  Wait& wait = thread.wait;
  if (wait.kind == Collective::shuffle) {
    if (wait.other != lane && !(wait.mask >> wait.other & 1))
      throw std::runtime_error(text_of(wait.where) + ": lane " + std::to_string(lane) + " reads lane " +
                               std::to_string(wait.other) + ", which is not in the mask");
    wait.bits = warp[wait.other].wait.bits;
  }
  if (wait.kind == Collective::ballot) {
    wait.bits = 0;
    for (std::size_t other = 0; other < kWarp; ++other)
      if (wait.mask >> other & 1) wait.bits |= warp[other].wait.bits << other;
  }
}

std::string state_of(const Thread& thread) {
  return thread.state == Thread::State::done ? "has ended" : "waits at " + text_of(thread.wait.where);
}

uint64_t Machine::wait(const Wait& wait) {
  Thread& self = here(running_.thread);
  if (wait.kind > Collective::block_barrier && !(wait.mask >> running_.thread % kWarp & 1))
    stop(text_of(wait.where) + ": " + thread_name(running_.thread) + " is not in the mask that it names");
  self.wait = wait;
  self.state = Thread::State::waiting;
  pause();
  return self.wait.bits;
}

void grid_barrier(std::source_location where) {
  if (!machine->running().launch->cooperative) fault("waits for the grid in a launch that is not cooperative");
  machine->wait({.kind = Collective::grid_barrier, .mask = 0, .where = where, .bits = 0, .other = 0});
}

void block_barrier(std::source_location where) {
  machine->wait({.kind = Collective::block_barrier, .mask = 0, .where = where, .bits = 0, .other = 0});
}

void warp_barrier(uint32_t mask, std::source_location where) {
  machine->wait({.kind = Collective::warp_barrier, .mask = mask, .where = where, .bits = 0, .other = 0});
}

uint64_t shuffle(uint32_t mask, uint64_t bits, Lane how, int of, int width, std::source_location where) {
  const int lane = int(machine->running().thread % kWarp), group = lane / width * width;
  int other = lane;
  if (how == Lane::index) other = group + (of % width + width) % width;
  if (how == Lane::up && lane - of >= group) other = lane - of;
  if (how == Lane::down && lane + of < group + width) other = lane + of;
  if (how == Lane::exclusive_or && (lane ^ of) < group + width) other = lane ^ of;
  return machine->wait(
      {.kind = Collective::shuffle, .mask = mask, .where = where, .bits = bits, .other = std::size_t(other)});
}

uint32_t ballot(uint32_t mask, bool vote, std::source_location where) {
  return uint32_t(machine->wait({.kind = Collective::ballot, .mask = mask, .where = where, .bits = vote, .other = 0}));
}

}  // namespace pc::simt
