// Files made to cost memory: pcconvert stays within 64 MB and twice the file, whether it converts or refuses them.
#include <sstream>

#include "tests/engine/safetensors_bytes.h"
#include "tests/weights/program.h"
#include "tests/weights/pth_bytes.h"

namespace pc::weights {
namespace {

using namespace test;

std::string many_tensors(int count, const std::string& shape) {
  std::string header = "{";
  for (int i = 0; i < count; ++i)
    header +=
        fmt::format("{}\"{}\":{{\"dtype\":\"U8\",\"shape\":[{}],\"data_offsets\":[0,0]}}", i ? "," : "", i, shape);
  return safetensors(header + "}", 0);
}

std::string many_records(int count) {
  std::vector<ZipEntry> entries;
  for (int i = 0; i < count; ++i) entries.push_back({fmt::format("a/data/{}", i), ""});
  return zip(entries);
}

// One storage of `floats`, seen by one tensor: whole, turned, or each element many times.
std::string one_storage(int floats, const std::string& size, const std::string& stride, const char* order = "little") {
  const std::string pickle = state_dict(tensor(storage("0", number(floats)), number(0), size, stride));
  return zip(
      {{"a/data.pkl", pickle}, {"a/byteorder", order}, {"a/data/0", std::string(std::size_t(floats) * 4, '\1')}});
}

struct Costly {
  const char* name;
  std::string bytes;
  int code;
};

std::vector<Costly> costly_files() {
  const int side = 3000, floats = side * side;  // 36 MB
  const std::string empty_tensor = R"(":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}})";
  return {
      {"whole", one_storage(floats, tuple(number(floats)), tuple(number(1))), 0},
      {"turned", one_storage(floats, tuple(number(side) + number(side)), tuple(number(1) + number(side))), 0},
      {"swapped", one_storage(floats, tuple(number(floats)), tuple(number(1)), "big"), 0},
      {"expanded", one_storage(1000, tuple(number(8000) + number(1000)), tuple(number(0) + number(1))), 0},
      {"expanded_too_far", one_storage(1000, tuple(number(20'000) + number(1000)), tuple(number(0) + number(1))), 6},
      {"tensors_100k", many_tensors(100'000, "0,1,1,1,1,1,1,1"), 0},
      {"tensors_over_the_limit", many_tensors(100'001, "0"), 6},
      {"records", many_records(60'000), 3},
      {"lists", pth(proto + repeat("]", 399'999) + "."), 3},
      {"lists_of_one", pth(proto + repeat("]Na", 190'000) + "."), 3},
      {"items", pth(proto + "Nq\1]" + repeat("(" + repeat("h\1", 100'000) + "e", 21) + "."), 6},
      {"marks", pth(proto + repeat("(", 10'000'000)), 6},
      {"memo_far", pth(proto + "}r" + le(uint32_t(399'999)) + "."), 3},
      {"deep_json", safetensors("{\"w\":" + repeat("[", 1'000'000), 0), 3},
      {"long_name", safetensors("{\"" + std::string(7'900'000, 'x') + empty_tensor, 0), 0},
      {"long_metadata", safetensors("{\"__metadata__\":{\"a\":\"" + std::string(7'900'000, 'x') + "\"}}", 0), 0},
      {"longer_name", safetensors("{\"" + std::string(20'000'000, 'x') + empty_tensor, 0), 6},
  };
}

TEST_F(Pcconvert, PeakMemoryIsBounded) {
  if (!kMemoryIsMeasurable) GTEST_SKIP() << "sanitizer: memory is not measured";
  std::string command = "/usr/bin/python3 " PC_SOURCE_DIR "/tests/weights/peak_memory.py PCCONVERT";
  const auto files = costly_files();
  for (const Costly& f : files) {
    write_file_atomically(path(f.name), f.bytes);
    command += " " + path(f.name);
  }
  const Result r = shell(command);
  if (r.code == 127) GTEST_SKIP() << "no /usr/bin/python3";
  ASSERT_EQ(r.code, 0) << r.err;
  std::istringstream lines(r.out);
  for (const Costly& f : files) {
    long code = -1, size = 0, peak = 0;
    lines >> code >> size >> peak;
    EXPECT_EQ(code, f.code) << f.name;
    EXPECT_LE(peak, 64'000'000 + 2 * size) << f.name << ", " << size << " bytes";
  }
}

}  // namespace
}  // namespace pc::weights
