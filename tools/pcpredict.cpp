// pcpredict: names what is on pictures, with the probabilities of each head of a model.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <optional>
#include <set>

#include "tools/cli/program.h"
#include "tools/cli/text.h"
#include "tools/predict/answer.h"
#include "tools/predict/inputs.h"
#include "tools/predict/network_options.h"

namespace pc {
namespace {

struct Options {
  std::vector<std::string> inputs;
  std::string model;
  AnswerStyle style;
  NetworkOptions network;
  std::optional<int> accept_at;
  bool json = false;
};

bool parse(Options& o, int argc, char** argv) {
  CLI::App app("Names what is on pictures, with the probabilities of each head of a model.", "pcpredict");
  app.add_option("INPUT", o.inputs, "Pictures, folders of pictures, or - for one picture on standard input")
      ->required();
  app.add_option("--model,-m", o.model, "Model file; default: $PC_MODEL, else the newest runs/*/model.safetensors");
  app.add_option("--top-k,-k", o.style.top_k, "Guesses per head")
      ->capture_default_str()
      ->check(CLI::Range(1, 1'000'000));
  app.add_option("--accept-at", o.accept_at,
                 "Percent of the names called sure that are to be right, one of those the model was calibrated for; "
                 "default: 95");
  app.add_flag("--json", o.json, "One JSON object per picture and line");
  app.add_flag("--logits", o.style.logits, "With --json: the logits of every class too");
  add_network_options(app, o.network);
  app.footer(
      "Exit codes: 0 every picture was predicted, 2 usage, 3 bad picture or model, 4 file, 6 limit; 3 where pictures "
      "failed for several reasons.");
  return parse_command_line(app, argc, argv);
}

AnswerStyle style_of(const Options& o, const ModelInfo& info) {
  AnswerStyle style = o.style;
  style.accept_at = precision_of(info, o.accept_at);
  const Terminal terminal = terminal_of(stdout);
  style.bars = terminal.on;
  style.colour = terminal.color;
  return style;
}

Exit run(const Options& o) {
  if (o.style.logits && !o.json) fail(Exit::usage, "--logits goes with --json");
  Predictor predictor = open_predictor(o.model.empty() ? default_model() : std::filesystem::path(o.model), o.network);
  const std::vector<InputPicture> pictures = find_pictures(o.inputs);
  const AnswerStyle style = style_of(o, predictor.info());
  std::set<Exit> failures;
  const auto decode = [&](std::size_t i) {
    if (pictures[i].code != Exit::ok) fail(pictures[i].code, pictures[i].error);
    return read_picture(pictures[i].file, predictor.decoding());
  };
  predict_all(predictor, pictures.size(), decode, o.network.batch, [&](std::size_t i, const Outcome& outcome) {
    if (outcome.code != Exit::ok) {
      failures.insert(outcome.code);
      fmt::print(stderr, "pcpredict: {}\n", outcome.error);
    }
    if (o.json)
      fmt::print("{}\n", to_json(pictures[i].file, outcome, predictor.info(), style)
                             .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
    else
      fmt::print("{}", to_text(pictures[i].file, outcome, predictor.info(), style));
    if ((i + 1) % std::size_t(o.network.batch) == 0 && std::fflush(stdout) != 0)
      fail(Exit::file, fmt::format("cannot write standard output: {}", std::strerror(errno)));
  });
  if (failures.empty()) return Exit::ok;
  return failures.size() == 1 ? *failures.begin() : Exit::data;
}

}  // namespace
}  // namespace pc

int main(int argc, char** argv) {
  return pc::run_program("pcpredict", [&] {
    pc::Options options;
    return pc::parse(options, argc, argv) ? pc::run(options) : pc::Exit::ok;
  });
}
