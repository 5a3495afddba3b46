// safetensors from bytes. The mutator changes the header's JSON and lets the length and the data follow it.
#include <charconv>
#include <cstring>

#include "engine/safetensors.h"
#include "tests/fuzz/mutate.h"
#include "tests/fuzz/target.h"
#include "tests/fuzz/weight_file.h"

namespace pc::fuzz {
namespace {

// The largest number at the end of a list, as data_offsets has it.
std::size_t data_end(const std::string& header) {
  std::size_t end = 0;
  for (std::size_t at = header.find(']'); at != header.npos; at = header.find(']', at + 1)) {
    std::size_t digits = at, value = 0;
    while (digits > 0 && header[digits - 1] >= '0' && header[digits - 1] <= '9') --digits;
    std::from_chars(header.data() + digits, header.data() + at, value);
    end = std::max(end, value);
  }
  return end;
}

void change(std::string& input, Random& random) {
  uint64_t length = 0;
  std::memcpy(&length, input.data(), std::min(input.size(), sizeof length));
  std::string header = input.size() > 8 ? input.substr(8, length) : "{}";
  std::string data = header.size() + 8 < input.size() ? input.substr(8 + header.size()) : "";
  mutate(header, header.size() + 64);
  if (const std::size_t end = data_end(header); random() % 4 != 0 && end <= 4096) data.resize(end, '\x01');
  length = header.size();
  input = std::string(reinterpret_cast<const char*>(&length), sizeof length) + header + data;
}

}  // namespace
}  // namespace pc::fuzz

extern "C" std::size_t LLVMFuzzerCustomMutator(uint8_t* data, std::size_t size, std::size_t most, unsigned seed) {
  return pc::fuzz::mutate_with(data, size, most, seed, pc::fuzz::change);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  return pc::fuzz::expect_answer(size, [=] {
    const pc::WeightFile file = pc::parse_safetensors(std::as_bytes(std::span(data, size)), nullptr, "input");
    pc::fuzz::check_weights(file);
    uint64_t header = 0;
    std::memcpy(&header, data, sizeof header);
    std::size_t bytes = 0;
    for (const pc::FileTensor& t : file.tensors) bytes += t.bytes();
    pc::fuzz::expect(8 + header + bytes == size, "every byte belongs to the header or to one tensor");
  });
}
