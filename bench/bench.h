// Shared by the benchmarks: random data, buffers larger than the cache, and one way to time a kernel and count its
// work.
//
// A bench file defines register_all(), which registers one benchmark per shape and type; main() is in main.cpp and
// takes Google Benchmark's flags and --ablate.
#pragma once

#include <benchmark/benchmark.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/tensor.h"
#include "kernels/conv2d/conv2d.h"
#include "kernels/runtime/select.h"

namespace pc::bench {

// Measures the ceilings of every device and prints them with the context.
void measure_rooflines();

// Defined once by each bench.
void register_all();

// Removes our own flags from a command line. With --benchmark_list_tests the GPU's cases are listed even without a GPU.
std::vector<char*> take_flags(int argc, char** argv);
// --engines DIR was given and there is a GPU: its convolutions use tuned engines, which are kept in DIR/conv-engines.txt.
std::filesystem::path engine_folder();  // empty if not given
bool engines_are_tuned();
// --ablate was given: a bench registers only the cases with one optimization changed.
bool ablating();

// Uniform in (-1, 1), never zeros: a zero makes some arithmetic faster. The same values for the same seed.
Tensor random_tensor(const Shape& shape, DType dtype, Device device, uint64_t seed = 1);

// Copies of one random tensor, used in turn. Copying a Ring copies the memory.
class Ring {
 public:
  Ring(const Shape& shape, DType dtype, Device device, int copies);
  Ring(const Ring& other);
  const Tensor& at(int64_t i) const { return tensors_[std::size_t(i) % tensors_.size()]; }
  void* operator[](int64_t i) const { return at(i).data(); }
  float* f32(int64_t i) const { return at(i).as<float>(); }
  bool finite() const;

 private:
  std::vector<Tensor> tensors_;
};

// The number of copies of a kernel's buffers that together exceed the caches; at most 32.
int copies_for(double bytes);

// The work of one call of a kernel. `bytes` counts every input read once and every output written once.
struct Work {
  Device device;
  DType dtype;
  double flops, bytes;
  int count = 1;  // calls with this shape in one pass over the network
};

// One kernel on one shape. `call(i)` runs it on the i-th copy of its buffers; `outputs` are checked for NaN before the
// timing.
struct Subject {
  Work work;
  std::function<void(int64_t i)> call;
  std::vector<const Ring*> outputs;  // owned by `call`
};

// Registers "name": `prepare` runs when the benchmark does, so that buffers of other shapes are freed by then.
// Counters: flops, bytes, GFLOP/s, GB/s, and roof%: the speed relative to the roofline.
void add(const std::string& name, const std::function<Subject()>& prepare);

// The devices of this machine, and the types and input sizes to time on each.
struct Setting {
  Device device;
  std::vector<DType> dtypes;
  struct Input {
    int n, h, w;
  };
  std::vector<Input> inputs;
};
std::vector<Setting> settings();
// "cpu/f32/80x60/b64"
std::string label(Device device, DType dtype, const Setting::Input& input);
// Calls f(setting's device, dtype, input) for every combination.
void for_each_setting(const std::function<void(Device, DType, const Setting::Input&)>& f);

// The different convolutions of ResNet18 and how often each occurs.
struct ConvLayer {
  std::string name;
  Conv2dShape shape;
  int count;
};
std::vector<ConvLayer> resnet18_convs(const Setting::Input& input);

double mebibytes_at_peak();             // VmHWM of this process
std::filesystem::path shared_folder();  // $PC_SHARED, else the directory `shared` next to the checkout

}  // namespace pc::bench
