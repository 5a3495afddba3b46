// pcpredict: names what is on pictures, with the probabilities of each head of a model.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <optional>

#include "kernels/base/text.h"
#include "tools/cli/output_file.h"
#include "tools/cli/program.h"
#include "tools/cli/terminal.h"
#include "tools/predict/job.h"

namespace pc::predict {
namespace {

struct Options {
  JobOptions job;
  std::string model;
  std::optional<int> accept_at;
  bool csv = false, json = false, self_test = false, resume = false, force = false;
};

struct Format {
  const char* suffix;
  RowFormat rows;
};
constexpr Format kFormats[] = {
    {".csv", RowFormat::csv}, {".jsonl", RowFormat::json}, {".json", RowFormat::json}, {".txt", RowFormat::text}};

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
                 "Draw what speaks for the answer over the picture: FILE.png for one picture, a directory for several");
  app.add_option("--explain-head", o.job.explain_head, "The head whose label is explained; default: the first one");
  app.add_option("--similar", o.job.style.similar, "Number of nearest neighbors in --index to report")
      ->check(CLI::Range(1, 1000));
  app.add_option("--index", o.job.index, "What pcindex made of a catalogue with this model");
}

void add_row_options(CLI::App& app, Options& o) {
  auto* csv = app.add_flag(
      "--csv", o.csv, "One row per picture; a text that a spreadsheet would take for a formula gets an apostrophe");
  app.add_flag("--json", o.json, "One JSON object per picture and line")->excludes(csv);
  app.add_option(
      "--output,-o", o.job.output,
      "File for the rows, .csv, .jsonl or .txt: the suffix says the format. FILE.manifest says what they were "
      "made with");
  auto* resume = app.add_flag("--resume", o.resume,
                              "Add the rows that --output lacks; those with an answer stay as they are. Begin it if "
                              "there is none");
  cli::add_force(app, o.force);
  resume->excludes("--force");
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
      "picture or model, 4 file, 6 limit, 7 infinite answers, 75 stopped; 3 where pictures failed for several "
      "reasons.");
  if (!cli::parse_command_line(app, argc, argv)) return false;
  if (o.job.output == "-") o.job.output.clear();
  o.job.existing = o.resume ? ExistingRows::resume : o.force ? ExistingRows::replace : ExistingRows::refuse;
  return true;
}

// --csv and --json, or the suffix of --output; both may say it.
RowFormat format_of(const Options& o) {
  const bool asked = o.csv || o.json;
  const RowFormat format = o.csv ? RowFormat::csv : o.json ? RowFormat::json : RowFormat::text;
  if (o.job.output.empty()) return format;
  const std::filesystem::path output(o.job.output);
  std::vector<std::string> suffixes;
  if (!asked || output.has_extension())
    for (const Format& one : kFormats)
      if (!asked || one.rows == format) suffixes.push_back(one.suffix);
  cli::check_output(output, suffixes, true);
  for (const Format& one : kFormats)
    if (!asked && equal_ignoring_case(output.extension().string(), one.suffix)) return one.rows;
  return format;
}

AnswerStyle style_of(const Options& o, const ModelInfo& info) {
  AnswerStyle style = o.job.style;
  style.accept_at = precision_of(info, o.accept_at);
  const cli::Terminal terminal = cli::terminal_of(stdout);
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
  o.job.format = format_of(o);
  Predictor predictor = open_predictor(chosen_model(o.model, "pcpredict"), o.job.network);
  if (o.self_test) return tell_self_test(predictor);
  o.job.style = style_of(o, predictor.info());
  return Job(o.job, predictor).run();
}

}  // namespace
}  // namespace pc::predict

int main(int argc, char** argv) {
  return pc::cli::run_program("pcpredict", [&] {
    pc::predict::Options options;
    return pc::predict::parse(options, argc, argv) ? pc::predict::run(options) : pc::Exit::ok;
  });
}
