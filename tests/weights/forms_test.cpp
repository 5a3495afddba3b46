// The forms of a weight file among each other: names of other libraries, byte order, look-alikes, and files that are
// cut off or have one bit flipped.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>

#include "engine/state.h"
#include "kernels/base/error.h"
#include "kernels/base/file.h"
#include "models/classifier.h"
#include "tests/engine/safetensors_bytes.h"
#include "tests/support.h"
#include "tests/weights/pth_bytes.h"
#include "tools/weights/names.h"
#include "tools/weights/weights.h"

namespace pc::weights {
namespace {

using namespace test;

const std::string golden = PC_SOURCE_DIR "/tests/weights/golden/";

AnyWeights parse_any(const std::string& bytes, const WeightOptions& options = {}) {
  auto owner = std::make_shared<std::string>(bytes);
  return parse_weights(std::as_bytes(std::span(owner->data(), owner->size())), owner, "t.pth", options);
}

WeightFile with_names(const std::vector<std::string>& names) {
  WeightFile file;
  for (const std::string& name : names) file.tensors.push_back({.name = name});
  return file;
}

std::vector<std::string> renamed(const std::vector<std::string>& names) {
  WeightFile file = with_names(names);
  use_torchvision_names(file, "t");
  std::vector<std::string> result;
  for (const FileTensor& t : file.tensors) result.push_back(t.name);
  return result;
}

// hugging_face.txt: architecture, name and shape of transformers' models.
TEST(Names, HuggingFacesResNetsAreOurs) {
  for (const std::string architecture : {"resnet18", "resnet50"}) {
    WeightFile file;
    std::ifstream golden_file(golden + "hugging_face.txt");
    for (std::string line; std::getline(golden_file, line);) {
      std::istringstream fields(line);
      std::string model, name, sizes;
      fields >> model >> name >> sizes;
      if (model != architecture) continue;
      FileTensor t{.name = name};
      std::istringstream numbers(sizes == "-" ? "" : sizes);
      for (std::string size; std::getline(numbers, size, ',');) t.shape.push_back(std::stoll(size));
      file.tensors.push_back(t);
    }
    use_torchvision_names(file, "t");
    std::erase_if(file.tensors, [](const FileTensor& t) { return t.name.ends_with("num_batches_tracked"); });
    std::set<std::pair<std::string, Shape>> theirs, ours;
    for (const FileTensor& t : file.tensors) theirs.emplace(t.name, t.shape);
    const auto model = make_classifier(architecture, {{"label", 1000}}, std::nullopt);
    for (const FileTensor& t : state_dict(*model)) ours.emplace(t.name, t.shape);
    EXPECT_EQ(theirs, ours);
    EXPECT_EQ(file.tensors.size(), ours.size());
  }
}

TEST(Names, OfHuggingFacesBackboneAlone) {
  EXPECT_EQ(renamed({"embedder.embedder.convolution.weight", "encoder.stages.3.layers.10.layer.2.normalization.bias",
                     "encoder.stages.x.layers.0.layer.0.convolution.weight", "encoder.stages.9.layers.0", "other"}),
            (std::vector<std::string>{"conv1.weight", "layer4.10.bn3.bias",
                                      "encoder.stages.x.layers.0.layer.0.convolution.weight",
                                      "encoder.stages.9.layers.0", "other"}));
}

TEST(Names, WrappersComeOffWhereAllHaveThem) {
  using Names = std::vector<std::string>;
  EXPECT_EQ(renamed({"module.a", "module.b"}), (Names{"a", "b"}));
  EXPECT_EQ(renamed({"n_averaged", "module._orig_mod.module.a"}), (Names{"a"}));
  EXPECT_EQ(renamed({"module.a", "b"}), (Names{"module.a", "b"}));
  EXPECT_EQ(renamed({"n_averaged"}), (Names{"n_averaged"}));
  EXPECT_EQ(renamed({"module."}), (Names{"module."}));
  EXPECT_EQ(renamed({}), Names{});
}

TEST(Names, ThatMeetAreRefused) {
  WeightFile file = with_names({"resnet.embedder.embedder.convolution.weight", "conv1.weight"});
  EXPECT_THROW(use_torchvision_names(file, "t"), Error);
}

std::string swapped(const std::string& little, std::size_t element) {
  std::string big = little;
  for (auto at = big.begin(); at != big.end(); at += std::ptrdiff_t(element))
    std::reverse(at, at + std::ptrdiff_t(element));
  return big;
}

TEST(Pth, BigEndianNumbersAreSwapped) {
  const std::string floats = le(1.f) + le(-2.5f) + le(3e-9f) + le(4.f), flags("\0\1\1\0", 4);
  const std::string pickle =
      proto + "}(" + text("plain") + tensor(storage("0", number(4)), number(0), tuple(number(4)), tuple(number(1))) +
      text("turned") +
      tensor(storage("0", number(4)), number(0), tuple(number(2) + number(2)), tuple(number(1) + number(2))) +
      text("flags") + tensor(storage("1", number(4), "BoolStorage"), number(0), tuple(number(4)), tuple(number(1))) +
      "u.";
  const auto archive = [&](const char* order, const std::string& data) {
    return zip({{"a/data.pkl", pickle}, {"a/byteorder", order}, {"a/data/0", data}, {"a/data/1", flags}});
  };
  const WeightFile little = parse_any(archive("little", floats)).file,
                   big = parse_any(archive("big", swapped(floats, 4))).file;
  ASSERT_EQ(big.tensors.size(), 3u);
  for (const FileTensor& t : little.tensors)
    EXPECT_EQ(std::memcmp(big.find(t.name)->data, t.data, t.bytes()), 0) << t.name;
  EXPECT_EQ(big.find("turned")->tensor().as<float>()[1], 3e-9f);
}

// The first bytes of safetensors are a length. With these, it looks as gzip, a pickle, ONNX, bzip2 and JSON begin.
TEST(Safetensors, HeadersOfEveryLengthAreRead) {
  const std::string header = R"({"w":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}})";
  for (std::size_t length : {0x8b1fu, 128u, 640u, 1152u, 0x120708u, 0x685a42u, 0x7bu, 0x22207bu, 0x20u}) {
    std::string padded = header;
    if (length < header.size()) continue;
    padded.resize(length, ' ');
    EXPECT_EQ(parse_any(safetensors(padded, 4)).format, "safetensors") << length;
  }
}

struct Small {
  const char* name;
  std::string bytes;
};
void PrintTo(const Small& s, std::ostream* out) { *out << s.name; }
class SmallFile : public testing::TestWithParam<Small> {};

std::vector<Small> small_files() {
  return {{"safetensors",
           safetensors(R"({"__metadata__":{"format":"pt"},"w":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},)"
                       R"("n":{"dtype":"I64","shape":[],"data_offsets":[16,24]}})",
                       24)},
          {"zip", read_file(golden + "one.pth")},
          {"zip_written_here",
           [] {
             const TemporaryFolder folder;
             write_weights(folder / "w.pth", read_weights(golden + "ema.pth").file);
             return read_file(folder / "w.pth");
           }()},
          {"stacked", read_file(golden + "stacked/one.pth")},
          {"stacked_with_buffers", read_file(golden + "stacked/plain.pth")}};
}

TEST_P(SmallFile, EveryPrefixIsRefused) {
  const std::string& bytes = GetParam().bytes;
  EXPECT_NO_THROW(parse_any(bytes));
  for (std::size_t n = 0; n < bytes.size(); ++n) EXPECT_THROW(parse_any(bytes.substr(0, n)), Error) << n;
}

// Read, with every byte of every tensor in reach, or refused in one line; checksums off, so that the flips are reached.
TEST_P(SmallFile, EveryFlippedBitIsReadOrRefused) {
  std::string bytes = GetParam().bytes;
  std::size_t read = 0, refused = 0;
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    char& byte = bytes[bit / 8];
    const char good = byte;
    byte = char(uint8_t(byte) ^ (1u << bit % 8));
    try {
      unsigned sum = 0;
      for (const FileTensor& t : parse_any(bytes, {.check_hash = false}).file.tensors)
        for (std::size_t i = 0; i < t.bytes(); ++i) sum += unsigned(t.data[i]);
      read += sum != 1;
    } catch (const Error& e) {
      EXPECT_LACKS(e.what(), '\n');
      ++refused;
    }
    byte = good;
  }
  EXPECT_GT(read, 0u);  // a flipped weight is a weight
  EXPECT_GT(refused, read);
}

INSTANTIATE_TEST_SUITE_P(Files, SmallFile, testing::ValuesIn(small_files()),
                         [](const auto& param) { return param.param.name; });

}  // namespace
}  // namespace pc::weights
