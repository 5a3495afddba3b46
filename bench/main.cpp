// The main() of the benches that do not have their own: Google Benchmark's flags, and --ablate.
#include <fmt/format.h>

#include "bench/bench.h"
#include "kernels/base/error.h"
#include "kernels/base/parallel.h"

int main(int argc, char** argv) {
  std::vector<char*> flags = pc::bench::take_flags(argc, argv);
  argc = int(flags.size());
  flags.push_back(nullptr);
  benchmark::Initialize(&argc, flags.data());
  if (benchmark::ReportUnrecognizedArguments(argc, flags.data())) return int(pc::Exit::usage);
  benchmark::AddCustomContext("threads", std::to_string(pc::thread_count()));
  pc::bench::register_all();
  try {
    benchmark::RunSpecifiedBenchmarks();
  } catch (const pc::Error& error) {
    fmt::print(stderr, "{}\n", error.what());
    return int(error.code());
  }
  benchmark::Shutdown();
  return 0;
}
