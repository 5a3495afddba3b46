#include "tools/predict/network_options.h"

#include <CLI/CLI.hpp>

#include "kernels/runtime/parallel.h"

namespace pc {

void add_network_options(CLI::App& app, NetworkOptions& o) {
  app.add_option("--device", o.device, "Where the network runs")
      ->capture_default_str()
      ->check(CLI::IsMember({"cpu", "cuda"}));
  app.add_option("--precision", o.precision, "Type of the activations")
      ->capture_default_str()
      ->check(CLI::IsMember({"f32", "bf16", "f16"}));
  app.add_option("--threads", o.threads, "Threads; 0: one per core")->capture_default_str()->check(CLI::Range(0, 1024));
  app.add_option("--batch", o.batch, "Pictures per pass of the network")
      ->capture_default_str()
      ->check(CLI::Range(1, 4096));
}

Predictor open_predictor(const std::filesystem::path& model, const NetworkOptions& o) {
  if (o.threads > 0) set_thread_count(o.threads);
  return Predictor(model, {.device = device_from_name(o.device), .precision = dtype_from_name(o.precision)});
}

}  // namespace pc
