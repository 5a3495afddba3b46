// pcpredict: names what is on pictures, with the probabilities of each head of a model.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <optional>

#include "kernels/base/text.h"
#include "tools/cli/hints.h"
#include "tools/cli/output_file.h"
#include "tools/cli/program.h"
#include "tools/cli/terminal.h"
#include "tools/cli/validators.h"
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
  app.option_defaults()->group("Predictions");
  app.add_option("--top-k,-k", o.job.style.top_k, "Labels per head, most probable first")
      ->capture_default_str()
      ->check(cli::between(1, 1'000'000));
  app.add_option("--accept-at", o.accept_at,
                 "Target precision, in percent, of predictions reported as confident: 90, 95 or 99; default: 95")
      ->check(cli::between(1, 99));
  app.add_flag("--logits", o.job.style.logits, "With --json: the logits of every class too");
  app.add_option("--explain", o.job.explain,
                 "Write a class-activation heat map: a PNG for one image, a directory for several")
      ->type_name("FILE|DIR");
  app.add_option("--explain-head", o.job.explain_head, "Head whose label is explained; default: the first one")
      ->type_name("NAME");
  app.add_option("--similar", o.job.style.similar, "List the N most similar products of --index")
      ->check(cli::between(1, 1000));
  app.add_option("--index", o.job.index, "Index of a catalog, which pcindex made with this model")->type_name("FILE");
  app.add_flag("--tta", o.job.network.views, "Test-time augmentation: the mean logits of four views of each image");
  app.add_flag("--bn-adapt", o.job.network.adapt,
               "Re-estimate the batch-norm statistics on all the images first, which are read twice");
}

void add_row_options(CLI::App& app, Options& o) {
  app.option_defaults()->group("Output");
  auto* csv = app.add_flag("--csv", o.csv,
                           "One row per image; a text that a spreadsheet would take for a formula gets an apostrophe");
  app.add_flag("--json", o.json, "One JSON object per image, each on a line")->excludes(csv);
  app.add_option("--output,-o", o.job.output,
                 "Write the rows to FILE.csv, .jsonl or .txt, in the format of the suffix; FILE.manifest records what "
                 "they were made with")
      ->type_name("FILE");
  auto* resume = app.add_flag("--resume", o.resume,
                              "Add the rows that --output lacks, keep those with a prediction; start the file if there "
                              "is none");
  cli::add_force(app, o.force);
  resume->excludes("--force");
}

bool parse(Options& o, int argc, char** argv) {
  CLI::App app("Name the product in each image, with the probabilities of every head of a model.", "pcpredict");
  add_input_options(app, o.job.inputs);
  app.option_defaults()->group("Model");
  app.add_option("--model,-m", o.model, "Model file; default: $PC_MODEL, else the latest runs/*/model.safetensors")
      ->type_name("FILE");
  app.add_flag("--selftest", o.self_test, "Check the model against its built-in test image and exit");
  add_answer_options(app, o);
  add_row_options(app, o);
  add_network_options(app, o.job.network);
  app.footer(
      "Examples:\n"
      "  pcpredict photo.jpg\n"
      "  pcpredict -o shop.csv --resume photos/\n"
      "  pcpredict --explain heat.png photo.jpg\n\n"
      "Ctrl-C and SIGTERM stop after the current batch.\n"
      "Exit codes: 0 every image was predicted, 2 usage, 3 bad image or model, 4 file, 6 limit, 7 values that are not "
      "finite, 75 stopped; 3 if images failed for several reasons.");
  cli::add_hints(app, {{"--format", "--csv, --json or the suffix of --output choose the format"}});
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
  style.bars = (terminal.on || terminal.color) && o.job.output.empty();
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

// The model, or what is wrong with it; the first fault of the inputs is reported with it, as both are to be mended.
Predictor open_model(const Options& o) {
  try {
    return open_predictor(chosen_model(o.model, "pcpredict"), o.job.network);
  } catch (const Error& error) {
    const std::string fault = o.self_test ? "" : first_fault(o.job.inputs.places);
    if (fault.empty()) throw;
    fail(error.code(), fmt::format("{}; and: {}", fault, error.what()));
  }
}

Exit run(Options& o) {
  o.job.format = format_of(o);
  Predictor predictor = open_model(o);
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
