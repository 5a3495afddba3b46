// Linux's files as other machines have them, and the environment.
#include "kernels/base/system.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/support.h"

namespace pc {
namespace {

using test::TemporaryFolder;
using test::write_text;

TEST(System, ReadsLinuxFilesOfBothVersions) {
  const TemporaryFolder root;
  write_text(root / "proc/meminfo", "MemTotal:       1000 kB\nMemFree: 1 kB\nMemAvailable:    600 kB\n");
  write_text(root / "proc/cpuinfo",
             "processor\t: 0\nmodel name\t: Some CPU @ 2 GHz\nflags\t\t: fpu avx2\n\nmodel name\t: Other\n");
  EXPECT_EQ(cpu_model(root.path()), "Some CPU @ 2 GHz");
  EXPECT_EQ(cpu_flags(root.path()), "fpu avx2");
  EXPECT_EQ(memory_facts(root.path()).free(), 600u * 1024);
  EXPECT_FALSE(cpu_facts(root.path()).quota);

  write_text(root / "proc/self/cgroup", "0::/shop/job\n");
  write_text(root / "sys/fs/cgroup/shop/job/memory.max", "max\n");
  write_text(root / "sys/fs/cgroup/shop/memory.max", "512000\n");
  write_text(root / "sys/fs/cgroup/shop/memory.current", "500000\n");
  write_text(root / "sys/fs/cgroup/shop/job/cpu.max", "150000 100000\n");
  write_text(root / "sys/fs/cgroup/cpu.max", "max 100000\n");
  EXPECT_EQ(memory_facts(root.path()).limit, 512000u);
  EXPECT_EQ(memory_facts(root.path()).free(), 12000u);
  EXPECT_EQ(cpu_facts(root.path()).quota, 1.5);

  write_text(root / "proc/self/cgroup", "4:memory:/absent/here\n3:cpu,cpuacct:/j\n0::/\n");
  write_text(root / "sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  write_text(root / "sys/fs/cgroup/cpu/j/cpu.cfs_quota_us", "-1\n");
  write_text(root / "sys/fs/cgroup/cpu/cpu.cfs_quota_us", "50000\n");
  write_text(root / "sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
  EXPECT_FALSE(memory_facts(root.path()).limit) << "a number beyond the memory is no limit";
  EXPECT_EQ(cpu_facts(root.path()).quota, 0.5);
}

TEST(System, AMachineThatSaysNothing) {
  const TemporaryFolder root;
  EXPECT_EQ(cpu_model(root.path()), "");
  EXPECT_EQ(cpu_flags(root.path()), "");
  EXPECT_EQ(memory_facts(root.path()).total, 0u);
}

TEST(System, TheEnvironmentIsTextOrEmpty) {
  ::setenv("PC_TEST_SYSTEM", "a value", 1);
  EXPECT_EQ(environment("PC_TEST_SYSTEM"), "a value");
  ::unsetenv("PC_TEST_SYSTEM");
  EXPECT_EQ(environment("PC_TEST_SYSTEM"), "");
}

}  // namespace
}  // namespace pc
