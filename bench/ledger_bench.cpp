// The ledger of a training step of ResNet18 on a GPU, computed without one: the bytes and flops of every kernel, and
// their time at the machine's limits.
//
//   bench_ledger                         totals of every stage at 80x60, 96x96 and 224x224
//   bench_ledger --size 96x96 --layers --stage now
//
// Stages: "now" is the engine as it is; "sums": convolutions also compute batch norm's sums; "norm_conv": in addition,
// the norms between two convolutions of a block are fused into the second (both f16 only, off by default). The others
// are not implemented: "fused" writes no mask if the sign of y gives it; "persistent" (implemented for batch_norm, off
// by default) keeps a batch norm's tensors on chip between its two passes if they fit; "graphs" fuses statistics, scale
// and ReLU into the convolutions with cuDNN's fp16 graphs. Every kernel reads each input once and writes each output
// once, caches are not modeled, and kernels do not overlap: the minimum time of a step without help from the caches.
// Left out are kernels with negligible traffic, augment, whose images are padded to 8 channels in 16 bits, and the
// gradient norm of f16 and train.clip.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <vector>

#include "bench/ledger_network.h"
#include "kernels/base/error.h"
#include "tools/cli/program.h"

namespace pc::bench {
namespace {

enum class Stage { now, sums, norm_conv, fused, persistent, graphs };
constexpr const char* kStages[] = {"now", "sums", "norm_conv", "fused", "persistent", "graphs"};

struct Machine {
  double bytes_per_second, flops_per_second;
  double on_chip = 38.8e6;  // bytes that batch_norm_persistent can hold in registers and shared memory, H100
};

struct Kernel {
  std::string name;
  double flops, bytes;
};

// The kernels of one step in their order. Sizes below are in elements of the activations' type unless they say bytes.
class Step {
 public:
  Step(const Network& net, Stage stage, double element, const Machine& machine)
      : net_(net), stage_(stage), element_(element), chip_(machine.on_chip) {
    forward();
    head();
    backward();
    optimizer();
  }
  const std::vector<Kernel>& kernels() const { return kernels_; }

 private:
  bool now() const { return stage_ <= Stage::norm_conv; }
  bool sums() const { return stage_ == Stage::sums || stage_ == Stage::norm_conv; }
  bool graphs() const { return stage_ == Stage::graphs; }
  double features() const { return double(net_.n) * net_.features; }
  bool fits(double elements) const { return stage_ == Stage::persistent && elements * element_ <= chip_; }
  void add(const std::string& name, double elements, double flops = 0, double more_bytes = 0) {
    kernels_.push_back({name, flops, elements * element_ + more_bytes});
  }
  void statistics(const Conv& c) {
    if (!sums() && !graphs() && !fits(c.y)) add(c.name + " bn statistics", c.y);
  }
  void conv(const Conv& c, const std::string& pass, double more = 0) {
    add(c.name + pass, c.x + c.w + c.y + more, c.flops());
  }
  void forward();
  void stem_forward();
  void head();
  void backward();
  void norm_backward(const std::string& name, double reads, double writes, double mask_bytes);
  void block_backward(const Block& b);
  void block_backward_graphs(std::size_t i);
  void weight_gradient(const Conv& c, const std::string& suffix);
  void stem_backward();
  void optimizer();

  const Network& net_;
  Stage stage_;
  double element_, chip_;
  std::vector<Kernel> kernels_;
};

void Step::stem_forward() {
  const Conv& c = net_.stem;
  conv(c, " forward");
  if (!graphs() && !fits(c.y)) add("bn1 statistics", c.y);
  add("bn1 + relu + max_pool", c.y + net_.pooled);
}

void Step::forward() {
  stem_forward();
  for (const Block& b : net_.blocks) {
    const double y = b.second.y;
    conv(b.first, " forward");
    statistics(b.first);
    if (!graphs() && stage_ != Stage::norm_conv) add(b.first.name + " bn apply + relu", 2 * y, 0, now() ? y / 8 : 0);
    conv(b.second, " forward");
    statistics(b.second);
    if (b.has_shortcut) {
      conv(b.shortcut, " forward");
      statistics(b.shortcut);
      if (now()) add(b.shortcut.name + " bn apply", 2 * y);
    }
    if (&b == &net_.blocks.back() && now())
      add(b.name + " norm_mean", 2 * y + features(), 0, y / 8 + 8 * features());
    else
      add(b.name + " bn apply + add + relu", 3 * y, 0, y / 8);
  }
}

void Step::head() {
  const double y = net_.blocks.back().second.y, f = features(), o = double(net_.n) * net_.classes,
               w = double(net_.features) * net_.classes, flops = 2 * f * net_.classes;
  if (now()) {
    add("linear bias", 0, 0, 4 * o);
    add("linear forward", f + w, flops, 8 * o);
    add("cross_entropy", 0, 0, 8 * o);
    if (element_ < 4) add("linear rounds dy", 2 * o, 0, 8 * o);  // once for each product
    add("linear backward data", o + w + f, flops);
    add("linear backward weight", o + f, flops, 4 * w + 4 * o);
    add("norm_mean picture sums", f, 0, 16 * f);
    add("norm_mean join", 0, 0, 8 * f);
    return;
  }
  add("global_avg_pool", y, 0, 4 * f);
  add("linear forward", w, flops, 4 * (f + o));
  add("cross_entropy", 0, 0, 8 * o);
  add("linear backward", w, 2 * flops, 4 * (o + 2 * f + w));
  add("global_avg_pool backward", y, 0, 4 * f);
}

// Two passes over the same tensors, or one if they stay on chip.
void Step::norm_backward(const std::string& name, double reads, double writes, double mask_bytes) {
  if (!fits(reads + mask_bytes / element_)) add(name + " bn backward sums", reads, 0, mask_bytes);
  add(name + " bn backward apply", reads + writes, 0, mask_bytes);
}

// cuDNN writes dw in the activations' type. The engine casts it to f32; in the later stages the optimizer reads it
// directly.
void Step::weight_gradient(const Conv& c, const std::string& suffix) {
  conv(c, " backward weight" + suffix);
  if (now() && element_ < 4) add(c.name + " widens dw", c.w, 0, 4 * c.w);
}

void Step::block_backward(const Block& b) {
  const double y = b.second.y, x = b.first.x, mask = y / 8;
  if (now()) {
    if (&b == &net_.blocks.back())
      add(b.second.name + " bn backward apply", 3 * y + features(), 0, mask);
    else
      norm_backward(b.second.name, 2 * y, 2 * y, mask);
    if (b.has_shortcut) norm_backward(b.shortcut.name, 2 * y, y, 0);
  } else if (b.has_shortcut) {
    norm_backward(b.name + " both", 3 * y, 2 * y, mask);
  } else {
    norm_backward(b.second.name, 2 * y, 2 * y, mask);
  }
  if (stage_ == Stage::norm_conv) {
    weight_gradient(b.second, " [norm + relu]");
    conv(b.second, " backward data [relu + bn sums]", b.first.y);
    add(b.first.name + " bn backward apply", 3 * y);
  } else {
    weight_gradient(b.second, "");
    conv(b.second, " backward data");
    norm_backward(b.first.name, 2 * y, y, now() ? mask : 0);
  }
  weight_gradient(b.first, "");
  conv(b.first, " backward data", b.has_shortcut ? 0 : x);  // adds to dx
  if (b.has_shortcut) {
    weight_gradient(b.shortcut, "");
    conv(b.shortcut, " backward data", x);
  }
}

// Gradients arrive masked and summed: the convolution above did both in its epilogue.
void Step::block_backward_graphs(std::size_t i) {
  const Block& b = net_.blocks[i];
  const double y = b.second.y, x = b.first.x;
  if (i + 1 == net_.blocks.size()) add(b.name + " mask + bn backward sums", 3 * y, 0, y / 8);
  add(b.second.name + " bn backward apply", 3 * y);
  weight_gradient(b.second, " [scale + relu]");
  conv(b.second, " backward data [relu + bn sums]", b.first.y);
  add(b.first.name + " bn backward apply", 3 * y);
  weight_gradient(b.first, " [scale + relu]");
  if (b.has_shortcut) {
    add(b.shortcut.name + " bn backward apply", 3 * y);
    weight_gradient(b.shortcut, "");
    conv(b.shortcut, " backward data");
  }
  const Block* above = i > 0 ? &net_.blocks[i - 1] : nullptr;
  const double epilogue = above ? x + (above->has_shortcut ? x : 0) : 0;
  add(b.first.name + " backward data [add + mask + bn sums]", b.first.x + b.first.w + b.first.y + x + epilogue,
      b.first.flops(), above ? x / 8 : 0);
}

void Step::stem_backward() {
  const Conv& c = net_.stem;
  add("max_pool + relu + bn1 backward sums", net_.pooled + c.y);
  add("max_pool + relu + bn1 backward apply", 2 * net_.pooled + 2 * c.y);
  weight_gradient(c, "");
}

void Step::backward() {
  for (std::size_t i = net_.blocks.size(); i-- > 0;)
    graphs() ? block_backward_graphs(i) : block_backward(net_.blocks[i]);
  stem_backward();
}

void Step::optimizer() {
  const double p = net_.parameters;
  if (now())
    add("sgd", element_ < 4 ? p : 0, 0, 20 * p);
  else
    add("sgd", element_ < 4 ? 2 * p : p, 0, 16 * p);
}

struct Totals {
  double flops = 0, bytes = 0, seconds = 0;
};

Totals total(const std::vector<Kernel>& kernels, const Machine& m) {
  Totals t;
  for (const Kernel& k : kernels) {
    t.flops += k.flops, t.bytes += k.bytes;
    t.seconds += std::max(k.flops / m.flops_per_second, k.bytes / m.bytes_per_second);
  }
  return t;
}

void print_layers(const std::vector<Kernel>& kernels, const Machine& m) {
  fmt::print("{:<44} {:>9} {:>9} {:>8}  {}\n", "kernel", "GFLOP", "MB", "us", "bound by");
  for (const Kernel& k : kernels) {
    const double compute = k.flops / m.flops_per_second, memory = k.bytes / m.bytes_per_second;
    fmt::print("{:<44} {:>9.2f} {:>9.2f} {:>8.1f}  {}\n", k.name, k.flops / 1e9, k.bytes / 1e6,
               std::max(compute, memory) * 1e6, compute > memory ? "arithmetic" : "memory");
  }
}

struct Options {
  int batch = 256, classes = 143, stem_channels = 0;
  std::string size, dtype = "bf16", stage;
  double terabytes = 3.0, teraflops = 0;
  bool layers = false;
};

void run(const Options& o) {
  const double element = o.dtype == "f32" ? 4 : 2;
  const double teraflops = o.teraflops > 0 ? o.teraflops : o.dtype == "f32" ? 60 : 798;
  const Machine machine{.bytes_per_second = o.terabytes * 1e12, .flops_per_second = teraflops * 1e12};
  const int channels = o.stem_channels > 0 ? o.stem_channels : o.dtype == "f32" ? 3 : 8;
  for (const auto& [h, w] : {std::pair{80, 60}, {96, 96}, {224, 224}}) {
    if (!o.size.empty() && o.size != fmt::format("{}x{}", h, w)) continue;
    fmt::print("ResNet18, {}x{}, batch {}, {}, stem of {} channels; {} TB/s, {} TFLOP/s\n", h, w, o.batch, o.dtype,
               channels, o.terabytes, teraflops);
    const Network net = resnet18(o.batch, h, w, o.classes, channels);
    for (const Stage stage :
         {Stage::now, Stage::sums, Stage::norm_conv, Stage::fused, Stage::persistent, Stage::graphs}) {
      if (!o.stage.empty() && o.stage != kStages[int(stage)]) continue;
      const Step step(net, stage, element, machine);
      if (o.layers) print_layers(step.kernels(), machine);
      const Totals t = total(step.kernels(), machine);
      fmt::print("  {:<10} {:>3} kernels {:>8.1f} GFLOP {:>7.2f} GB {:>7.3f} ms {:>8.0f} img/s\n", kStages[int(stage)],
                 step.kernels().size(), t.flops / 1e9, t.bytes / 1e9, t.seconds * 1e3, o.batch / t.seconds);
    }
  }
}

}  // namespace
}  // namespace pc::bench

int main(int argc, char** argv) {
  return pc::run_program("bench_ledger", [&] {
    pc::bench::Options o;
    CLI::App app("Counts what a training step of ResNet18 moves and computes on a GPU.");
    app.add_option("--batch", o.batch, "pictures a step")->check(CLI::PositiveNumber)->capture_default_str();
    app.add_option("--size", o.size, "only this one")->check(CLI::IsMember({"80x60", "96x96", "224x224"}));
    app.add_option("--dtype", o.dtype, "type of the activations")
        ->check(CLI::IsMember({"f32", "bf16", "f16"}))
        ->capture_default_str();
    app.add_option("--stage", o.stage, "only this one")
        ->check(CLI::IsMember(std::vector<std::string>(std::begin(pc::bench::kStages), std::end(pc::bench::kStages))));
    app.add_option("--classes", o.classes, "outputs of the head")->check(CLI::PositiveNumber)->capture_default_str();
    app.add_option("--stem-channels", o.stem_channels, "channels of the stem's input (8, in f32 3)")
        ->check(CLI::PositiveNumber);
    app.add_option("--bandwidth", o.terabytes, "TB/s of the memory")->check(CLI::PositiveNumber)->capture_default_str();
    app.add_option("--arithmetic", o.teraflops, "TFLOP/s (798, in f32 60: no TF32)")->check(CLI::PositiveNumber);
    app.add_flag("--layers", o.layers, "also every kernel");
    if (pc::parse_command_line(app, argc, argv)) pc::bench::run(o);
    return pc::Exit::ok;
  });
}
