// pcconvert: turns PyTorch's weight files into safetensors and back, and model files into ONNX; shows what is in a
// weight file, and compares two.
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "kernels/base/error.h"
#include "kernels/base/logger.h"
#include "kernels/base/text.h"
#include "tools/cli/hints.h"
#include "tools/cli/output_file.h"
#include "tools/cli/program.h"
#include "tools/cli/terminal.h"
#include "tools/weights/description.h"
#include "tools/weights/onnx.h"
#include "tools/weights/onnx_graph.h"
#include "tools/weights/read_model.h"
#include "tools/weights/weights.h"

namespace pc::weights {
namespace {

struct Arguments {
  std::vector<std::string> files;
  bool inspect = false, verify = false, json = false, no_hash_check = false, pixels = false, force = false;
};

// OUT is not IN, by whatever path or link, has a suffix that says what to write, and is not overwritten unasked.
void check_files(const std::string& in, const std::string& out, bool force) {
  std::error_code absent;
  if (std::filesystem::equivalent(in, out, absent))
    fail(Exit::usage, fmt::format("{} and {} are the same file; name another OUT", in, out));
  cli::check_output(out, {".safetensors", ".pth", ".pt", ".onnx"}, force);
}

void warn_of_nonfinite(const WeightFile& file) {
  for (const FileTensor& t : file.tensors)
    if (const auto count = count_nonfinite(t); count > 0)
      warn("pcconvert: warning: \"{}\" holds {} values that are not finite", printable(t.name), count);
}

constexpr Logger kLog("pcconvert");

AnyWeights read(const std::string& path, const WeightOptions& options) {
  AnyWeights weights = read_weights(path, options);
  for (const std::string& note : weights.file.notes) kLog.line(path + ": " + note);
  return weights;
}

Exit convert(const std::string& in, const std::string& out, const WeightOptions& options) {
  const AnyWeights weights = convert_weights(in, out, options);
  for (const std::string& note : weights.file.notes) kLog.line(in + ": " + note);
  warn_of_nonfinite(weights.file);
  if (is_pth_name(out) && weights.file.metadata.contains("pc.model"))
    note("pcconvert: {}: holds the weights alone; labels and preprocessing stay in {}", out, in);
  std::size_t bytes = 0;
  for (const FileTensor& t : weights.file.tensors) bytes += t.bytes();
  note("pcconvert: {}: {} tensors, {} bytes of weights", out, weights.file.tensors.size(), bytes);
  return Exit::ok;
}

Exit export_onnx(const std::string& in, const std::string& out, const WeightOptions& options, OnnxInput input) {
  const AnyWeights weights = read(in, options);
  info_from_metadata(weights.file.metadata, in);  // says what else the file is, where load_model() would find no header
  warn_of_nonfinite(weights.file);
  LoadedModel model = read_model(in);
  run_self_test(model, Device::cpu, DType::f32, in);
  write_onnx(out, model, input);
  note("pcconvert: {}: {}, {} bytes; takes {}", out, model.info.architecture, std::filesystem::file_size(out),
       input == OnnxInput::pixels
           ? "pictures u8 [n,h,w,3]"
           : fmt::format("input f32 [n,3,{},{}]", model.info.preprocess.height, model.info.preprocess.width));
  return Exit::ok;
}

Exit inspect(const std::string& path, const WeightOptions& options, bool json) {
  const AnyWeights weights = read(path, options);
  const std::string text = json ? describe_json(path, weights) : describe(path, weights);
  weights.file.check_unchanged();
  fmt::print("{}", text);
  return Exit::ok;
}

Exit verify(const std::string& a, const std::string& b, const WeightOptions& options) {
  constexpr std::size_t kShown = 10;
  const AnyWeights left = read(a, options), right = read(b, options);
  const auto lines = differences(left.file, right.file);
  left.file.check_unchanged();
  right.file.check_unchanged();
  for (std::size_t i = 0; i < lines.size() && i < kShown; ++i) fmt::print("{}\n", lines[i]);
  if (lines.size() > kShown) fmt::print("… and {} more\n", lines.size() - kShown);
  if (lines.empty()) fmt::print("equal to the bit: {} tensors\n", left.file.tensors.size());
  return lines.empty() ? Exit::ok : Exit::data;
}

[[noreturn]] void fail_usage(const Arguments& a) {
  fail(Exit::usage,
       fmt::format("{} given; usage: pcconvert {}; see --help", cli::counted(int64_t(a.files.size()), "file"),
                   a.inspect  ? "--inspect FILE"
                   : a.verify ? "--verify A B"
                              : "IN OUT"));
}

Exit run(int argc, char** argv) {
  CLI::App app(
      "Convert weights between PyTorch (.pth), safetensors and ONNX, show what is in a file, or compare two.\n"
      "OUT's suffix is the format: .safetensors; .pth or .pt, with the names and the OIHW layout of torchvision; "
      ".onnx, from a model file of pctrain. IN is a file of torch.save (zip or legacy form) or safetensors, "
      "of torchvision, timm or Hugging Face.",
      "pcconvert");
  app.footer(
      "Examples:\n  pcconvert resnet18-f37072fd.pth resnet18.safetensors\n  pcconvert --pixels model.safetensors "
      "model.onnx\n  pcconvert --inspect model.safetensors\n  pcconvert --verify a.pth b.safetensors\n\n"
      "Exit codes: 0 done, 2 command line, 3 bad or differing weights, 4 file or disk, 6 limit.");
  Arguments a;
  app.add_option("FILE", a.files, "IN and OUT; FILE with --inspect; A and B with --verify")
      ->required()
      ->expected(1, 1000)
      ->option_text("IN OUT");
  auto* inspect_flag = app.add_flag("--inspect", a.inspect, "Print a table of FILE's tensors, metadata and totals");
  auto* verify_flag =
      app.add_flag("--verify", a.verify, "Compare the tensors of A and B to the bit; exit code 3 if they differ")
          ->excludes(inspect_flag);
  app.add_flag("--json", a.json, "Print --inspect's table as one JSON object")->needs(inspect_flag);
  app.add_flag("--no-hash-check", a.no_hash_check,
               "Accept a file whose hash (as in resnet18-f37072fd.pth) or checksums are wrong");
  app.add_flag("--pixels", a.pixels,
               "For .onnx: the graph takes u8 RGB images [n,h,w,3] of any size and resizes and normalizes them itself; "
               "without it, f32 [n,3,height,width] as the metadata says")
      ->excludes(inspect_flag)
      ->excludes(verify_flag);
  cli::add_force(app, a.force);
  cli::add_hints(app,
                 {{"-o,--output", "the output is the second file: pcconvert IN OUT"},
                  {"--onnx", "OUT's suffix is the format: pcconvert IN OUT.onnx"},
                  {"--opset", fmt::format("graphs are of opset {}; onnx.version_converter makes others", kOpset)}});
  if (argc < 2) fail_usage(a);
  if (!cli::parse_command_line(app, argc, argv)) return Exit::ok;

  if (a.files.size() != (a.inspect ? 1 : 2)) fail_usage(a);
  const WeightOptions options{.check_hash = !a.no_hash_check};
  if (!a.inspect && !a.verify) check_files(a.files[0], a.files[1], a.force);
  if (a.inspect) return inspect(a.files[0], options, a.json);
  if (a.verify) return verify(a.files[0], a.files[1], options);
  if (is_onnx_name(a.files[1]))
    return export_onnx(a.files[0], a.files[1], options, a.pixels ? OnnxInput::pixels : OnnxInput::normalized);
  if (a.pixels) fail(Exit::usage, fmt::format("--pixels is for ONNX; {} does not end in .onnx", a.files[1]));
  return convert(a.files[0], a.files[1], options);
}

}  // namespace
}  // namespace pc::weights

int main(int argc, char** argv) {
  return pc::cli::run_program("pcconvert", [&] { return pc::weights::run(argc, argv); });
}
