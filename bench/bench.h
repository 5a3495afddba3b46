// What the benches share: random data, buffers that outgrow the cache, one way to time a kernel and to count its work.
//
// A bench file defines register_all(), which registers one benchmark per shape and type; main() lies in main.cpp and
// takes Google Benchmark's own flags.
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

// Of a command line the flags that are not ours. With --benchmark_list_tests a GPU's cases are named without one too.
std::vector<char*> take_flags(int argc, char** argv);
// --ablate was given: a bench registers the cases that do without one thing, and no others.
bool ablating();

// Uniform in (-1, 1), never zeros: a zero makes some arithmetic faster. The same values for the same seed.
Tensor random_tensor(const Shape& shape, DType dtype, Device device, uint64_t seed = 1);

// Copies of one random tensor, used in turn. A copy of a Ring has its own memory.
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

// How many copies of a kernel's buffers are larger than the caches together; at most 32.
int copies_for(double bytes);

// What one call of a kernel does. `bytes` counts every input read once and every output written once.
struct Work {
  Device device;
  DType dtype;
  double flops, bytes;
  int count = 1;  // how many such calls one pass over the network makes
};

// One kernel on one shape. `call(i)` runs it on the i-th copy of its buffers; `outputs` are checked for NaN before the
// timing.
struct Subject {
  Work work;
  std::function<void(int64_t i)> call;
  std::vector<const Ring*> outputs;  // `call` keeps them alive
};

// Registers "name": `prepare` runs when the benchmark does, so buffers of other shapes are gone by then. Counters:
// flops, bytes, GFLOP/s, GB/s, and roof%: the share of the speed that the roofline allows.
void add(const std::string& name, const std::function<Subject()>& prepare);

// The devices there are, with what is timed on each: types, and sizes of the input.
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
std::filesystem::path shared_folder();  // $PC_SHARED, else the folder `shared` beside the checkout

}  // namespace pc::bench
