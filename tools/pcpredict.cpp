// pcpredict: names what is on pictures, with the probabilities of each head of a model.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <optional>

#include "tools/cli/program.h"
#include "tools/cli/terminal.h"
#include "tools/predict/job.h"

namespace pc {
namespace {

struct Options {
  JobOptions job;
  std::string model;
  std::optional<int> accept_at;
  bool csv = false, json = false, self_test = false;
};

void add_answer_options(CLI::App& app, Options& o) {
  app.add_option("--top-k,-k", o.job.style.top_k, "Guesses per head")
      ->capture_default_str()
      ->check(CLI::Range(1, 1'000'000));
  app.add_option(
      "--accept-at", o.accept_at,
      "Target precision (%) of predictions reported as confident, one of those the model was calibrated for; "
      "default: 95");
  app.add_flag("--logits", o.job.style.logits, "With --json: the logits of every class too");
  app.add_option("--explain", o.job.explain,
                 "Draw what speaks for the answer over the picture: a PNG for one picture, a folder for several");
  app.add_option("--explain-head", o.job.explain_head, "The head whose label is explained; default: the first one");
  app.add_option("--similar", o.job.style.similar, "Number of nearest neighbors in --index to report")
      ->check(CLI::Range(1, 1000));
  app.add_option("--index", o.job.index, "What pcindex made of a catalogue with this model");
}

void add_row_options(CLI::App& app, Options& o) {
  auto* csv = app.add_flag(
      "--csv", o.csv, "One row per picture; a text that a spreadsheet would take for a formula gets an apostrophe");
  app.add_flag("--json", o.json, "One JSON object per picture and line")->excludes(csv);
  app.add_option("--output,-o", o.job.output,
                 "File for the rows; while it grows, FILE.manifest says what it is made with");
  app.add_flag("--resume", o.job.resume, "Go on with an unfinished --output; begin it where there is none");
}

bool parse(Options& o, int argc, char** argv) {
  CLI::App app("Names what is on pictures, with the probabilities of each head of a model.", "pcpredict");
  add_input_options(app, o.job.inputs);
  app.add_option("--model,-m", o.model, "Model file; default: $PC_MODEL, else the latest runs/*/model.safetensors");
  add_answer_options(app, o);
  add_row_options(app, o);
  app.add_flag("--tta", o.job.network.views, "Mean of the logits over four views of each picture");
  app.add_flag("--bn-adapt", o.job.network.adapt,
               "Batch-norm statistics re-estimated on all the pictures first, which are read twice");
  add_network_options(app, o.job.network);
  app.add_flag("--selftest", o.self_test, "Only say whether the model answers its own picture as when it was written");
  app.footer(
      "SIGINT and SIGTERM stop after the current batch. Exit codes: 0 every picture was predicted, 2 usage, 3 bad "
      "picture or model, 4 file, 6 limit, 75 stopped; 3 where pictures failed for several reasons.");
  if (!parse_command_line(app, argc, argv)) return false;
  o.job.format = o.csv ? RowFormat::csv : o.json ? RowFormat::json : RowFormat::text;
  return true;
}

AnswerStyle style_of(const Options& o, const ModelInfo& info) {
  AnswerStyle style = o.job.style;
  style.accept_at = precision_of(info, o.accept_at);
  const Terminal terminal = terminal_of(stdout);
  style.bars = terminal.on && o.job.output.empty();
  style.color = terminal.color && style.bars;
  return style;
}

// The check itself was run when the predictor was made.
Exit tell_self_test(const Predictor& predictor) {
  const std::string model = visible(predictor.path().string());
  if (const auto& r = predictor.self_test())
    fmt::print("{}: self-test ok, logits differ by {:.2g} at most ({:.2g} allowed, the largest is {:.3g})\n", model,
               r->difference, r->allowed, r->largest);
  else
    fmt::print("{}: holds no self-test\n", model);
  return Exit::ok;
}

Exit run(Options& o) {
  Predictor predictor =
      open_predictor(o.model.empty() ? default_model() : std::filesystem::path(o.model), o.job.network);
  if (o.self_test) return tell_self_test(predictor);
  o.job.style = style_of(o, predictor.info());
  return Job(o.job, predictor).run();
}

}  // namespace
}  // namespace pc

int main(int argc, char** argv) {
  return pc::run_program("pcpredict", [&] {
    pc::Options options;
    return pc::parse(options, argc, argv) ? pc::run(options) : pc::Exit::ok;
  });
}
