// What Linux says about processors and memory, limits of control groups included, and the environment.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace pc {

struct CpuFacts {
  int threads = 0, cores = 0;   // what the programs will use; what the machine has
  std::optional<double> quota;  // cores' worth of time that a control group allows
};

struct MemoryFacts {
  uint64_t total = 0, available = 0;    // bytes, of the machine
  std::optional<uint64_t> limit, used;  // of the tightest control group
  uint64_t free() const;                // what a program can still have
};

// The files are Linux's; tests bring their own below `root`.
std::string cpu_model(const std::filesystem::path& root = "/");
std::string cpu_flags(const std::filesystem::path& root = "/");  // "fpu vme avx2 …"; on ARM ""
CpuFacts cpu_facts(const std::filesystem::path& root = "/");
MemoryFacts memory_facts(const std::filesystem::path& root = "/");

std::string environment(const char* name);  // "" where it is not set

}  // namespace pc
