// The main() of a fuzz target without libFuzzer: runs it over every file below the folders of the command line, and
// over some mutations of each, always the same.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "kernels/base/file.h"
#include "tests/fuzz/mutate.h"
#include "tests/fuzz/target.h"

extern "C" [[gnu::weak]] std::size_t LLVMFuzzerCustomMutator(uint8_t* data, std::size_t size, std::size_t most,
                                                             unsigned seed);

namespace {

constexpr int kMutations = 200;  // of each file
std::minstd_rand random_words(1);

}  // namespace

// Flips a bit, sets a byte, cuts, or inserts a byte.
extern "C" std::size_t LLVMFuzzerMutate(uint8_t* data, std::size_t size, std::size_t most) {
  if (size == 0) return 0;
  const std::size_t at = random_words() % size;
  switch (random_words() % 8) {
    case 0:
      return at;
    case 1:
      if (size == most) return size;
      std::copy_backward(data + at, data + size, data + size + 1);
      data[at] = uint8_t(random_words());
      return size + 1;
    case 2:
      data[at] = uint8_t(random_words());
      return size;
    default:
      data[at] ^= uint8_t(1u << random_words() % 8);
      return size;
  }
}

int main(int argc, char** argv) {
  int files = 0, inputs = 0;
  for (int i = 1; i < argc; ++i)
    for (const auto& entry : std::filesystem::recursive_directory_iterator(argv[i])) {
      if (!entry.is_regular_file()) continue;
      const std::string seed = pc::read_file(entry.path());
      ++files;
      const auto run = [&](const std::string& input) {
        ++inputs;
        const std::vector<uint8_t> exact(input.begin(), input.end());  // a byte too far is seen by AddressSanitizer
        LLVMFuzzerTestOneInput(exact.data(), exact.size());
      };
      run(seed);
      for (unsigned m = 0; m < kMutations; ++m) {
        std::string input = seed;
        input.resize(seed.size() + 256);
        auto* bytes = reinterpret_cast<uint8_t*>(input.data());
        const auto mutator = LLVMFuzzerCustomMutator;
        input.resize(mutator ? mutator(bytes, seed.size(), input.size(), m)
                             : LLVMFuzzerMutate(bytes, seed.size(), input.size()));
        run(input);
      }
    }
  std::printf("%d files, %d inputs\n", files, inputs);
  return files > 0 ? 0 : 1;
}
