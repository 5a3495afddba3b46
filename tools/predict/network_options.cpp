#include "tools/predict/network_options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <map>

#include "kernels/base/logger.h"
#include "kernels/base/parallel.h"
#include "tools/cli/validators.h"
#include "tools/predict/adapt.h"

namespace pc::predict {

void add_network_options(CLI::App& app, NetworkOptions& o) {
  app.option_defaults()->group("Device");
  app.add_option("--device", o.device, "Where the network runs")
      ->type_name("NAME")
      ->capture_default_str()
      ->check(cli::one_of({"cpu", "cuda"}));
  app.add_option("--precision", o.precision, "Type of the activations")
      ->type_name("TYPE")
      ->capture_default_str()
      ->check(cli::one_of({"f32", "bf16", "f16"}));
  app.add_option("--threads", o.threads, "CPU threads; 0: one per core")
      ->capture_default_str()
      ->check(cli::between(0, 1024));
  app.add_option("--batch-size", o.batch, "Images per pass of the network; auto or 0: as many as fit into memory")
      ->capture_default_str()
      ->transform(CLI::Transformer(std::map<std::string, int>{{"auto", 0}}).description("auto, or"))
      ->check(cli::between(0, 4096));
}

PredictorSettings predictor_settings(const NetworkOptions& o) {
  return {.device = device_from_name(o.device),
          .precision = dtype_from_name(o.precision),
          .views = o.views,
          .adaptable = o.adapt};
}

std::filesystem::path chosen_model(const std::string& named, const char* program) {
  if (!named.empty()) return named;
  const DefaultModel model = default_model();
  Logger(program).line(fmt::format("model {}, {}; --model names another", model.path.string(), model.reason));
  return model.path;
}

Predictor open_predictor(const std::filesystem::path& model, const NetworkOptions& o) {
  if (o.threads > 0) set_thread_count(o.threads);
  return Predictor(model, predictor_settings(o));
}

std::string conditions(const NetworkOptions& o) {
  std::string text;
  if (o.views)
    text +=
        "test-time augmentation: mean of the logits over the image, its mirror image and its middle at 95 and 90 %\n";
  if (o.adapt)
    text += fmt::format(
        "batch-norm statistics re-estimated on the images scored; those of the training count as {} images\n",
        kSourcePictures);
  return text;
}

}  // namespace pc::predict
