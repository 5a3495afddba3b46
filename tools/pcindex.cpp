// pcindex: an index of a catalog's pictures, in which pcpredict finds the nearest products.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <optional>

#include "kernels/base/logger.h"
#include "tools/cli/output_file.h"
#include "tools/cli/program.h"
#include "tools/cli/progress.h"
#include "tools/cli/stop.h"
#include "tools/cli/terminal.h"
#include "tools/predict/inputs.h"
#include "tools/predict/network_options.h"

namespace pc::predict {
namespace {

struct Options {
  InputOptions inputs;
  std::string model, output;
  NetworkOptions network;
  bool force = false;
};

bool parse(Options& o, int argc, char** argv) {
  CLI::App app("Index the images of a catalog, so that pcpredict --similar finds the nearest products.", "pcindex");
  add_input_options(app, o.inputs);
  app.option_defaults()->group("Model");
  app.add_option("--model,-m", o.model, "Model file; default: $PC_MODEL, else the latest runs/*/model.safetensors")
      ->type_name("FILE");
  app.option_defaults()->group("Output");
  app.add_option("--output,-o", o.output,
                 "Index to write, required; models with the same weights below the heads can use it")
      ->required()
      ->type_name("FILE");
  cli::add_force(app, o.force);
  add_network_options(app, o.network);
  app.footer(
      "Example:\n"
      "  pcindex -o shop.index photos/\n"
      "  pcpredict --index shop.index --similar 5 photo.jpg\n\n"
      "Images that cannot be read are named on stderr and left out.\n"
      "Exit codes: 0 done, 2 usage, 3 bad model, or images were left out, 4 file, 75 stopped.");
  return cli::parse_command_line(app, argc, argv);
}

Exit run(const Options& o) {
  const bool named = std::filesystem::path(o.output).has_extension();
  cli::check_output(o.output, named ? std::vector<std::string>{".index", ".safetensors"} : std::vector<std::string>(),
                    o.force);
  Predictor predictor = open_predictor(chosen_model(o.model, "pcindex"), o.network);
  Inputs inputs(o.inputs);
  IndexBuilder index;
  int64_t done = 0;
  std::optional<cli::Progress> progress(std::in_place, "indexing", inputs.count().value_or(0));
  cli::catch_stop_signals();
  predict_stream(predictor, stream_of(inputs, predictor), o.network.batch, [&](std::vector<Prepared>& pictures) {
    if (cli::stop_requested())
      fail(Exit::stopped, fmt::format("stopped after {} images; {} is not written", done, o.output));
    for (const Prepared& picture : pictures) {
      if (picture.outcome.code == Exit::ok)
        index.add(picture.file, picture.outcome.embedding);
      else
        progress->warn("pcindex: " + visible(picture.outcome.error));
    }
    progress->update(done += int64_t(pictures.size()));
  });
  progress.reset();
  index.write(o.output, backbone_id(predictor.path(), predictor.info()));
  const int64_t left_out = done - int64_t(index.size());
  note("{}: {} images{}", o.output, cli::grouped(int64_t(index.size())),
       left_out ? fmt::format(", {} left out", cli::grouped(left_out)) : "");
  return left_out == 0 ? Exit::ok : Exit::data;
}

}  // namespace
}  // namespace pc::predict

int main(int argc, char** argv) {
  return pc::cli::run_program("pcindex", [&] {
    pc::predict::Options options;
    return pc::predict::parse(options, argc, argv) ? pc::predict::run(options) : pc::Exit::ok;
  });
}
