// The main() of the benches that do not have their own: Google Benchmark's flags, --ablate and --engines DIR.
#include <optional>

#include "bench/bench.h"
#include "kernels/base/error.h"
#include "kernels/base/logger.h"
#include "kernels/base/parallel.h"
#include "tools/train/engine_file.h"

int main(int argc, char** argv) {
  std::vector<char*> flags = pc::bench::take_flags(argc, argv);
  argc = int(flags.size());
  flags.push_back(nullptr);
  benchmark::Initialize(&argc, flags.data());
  if (benchmark::ReportUnrecognizedArguments(argc, flags.data())) return int(pc::Exit::usage);
  benchmark::AddCustomContext("threads", std::to_string(pc::thread_count()));
  pc::bench::register_all();
  try {
    std::optional<pc::train::EngineFile> engines;
    if (pc::bench::engines_are_tuned()) engines.emplace(pc::Device::cuda, pc::bench::engine_folder());
    benchmark::RunSpecifiedBenchmarks();
    if (engines) engines->save();
  } catch (const pc::Error& error) {
    pc::note("{}", error.what());
    return int(error.code());
  }
  benchmark::Shutdown();
  return 0;
}
