// safetensors: bit-exact round trips, mapped reading, atomic writing, and mutated files.
#include "engine/safetensors.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <cmath>
#include <csignal>
#include <cstring>
#include <fstream>
#include <functional>
#include <random>

#include "engine/safetensors_write.h"
#include "kernels/base/error.h"
#include "kernels/base/file.h"
#include "tests/engine/safetensors_bytes.h"
#include "tests/holder.h"
#include "tests/support.h"

namespace pc {
namespace {

using namespace test;

FileTensor make(const std::string& name, FileType type, Shape shape, const std::string& bytes) {
  auto owner = std::make_shared<std::string>(bytes);
  FileTensor t{.name = name, .type = type, .shape = std::move(shape), .owner = owner};
  t.data = reinterpret_cast<const std::byte*>(owner->data());
  EXPECT_EQ(t.bytes(), bytes.size());
  return t;
}

std::string bytes_of(const FileTensor& t) { return {reinterpret_cast<const char*>(t.data), t.bytes()}; }

WeightFile every_type() {
  WeightFile f;
  f.metadata = {{"format", "pt"}, {"labels", "[\"größe\",\"\\u0000\"]"}};
  std::mt19937 random(1);
  for (FileType t : {FileType::f64, FileType::f32, FileType::f16, FileType::bf16, FileType::i64, FileType::i32,
                     FileType::i16, FileType::i8, FileType::u8, FileType::boolean}) {
    std::string bytes(6 * size_of(t), '\0');
    for (char& c : bytes) c = char(random());  // NaNs with payloads included
    f.tensors.push_back(make(fmt::format("t.{}", name_of(t)), t, {2, 1, 3}, bytes));
  }
  f.tensors.push_back(make("scalar", FileType::i64, {}, std::string("\x2a\0\0\0\0\0\0\0", 8)));
  f.tensors.push_back(make("empty", FileType::f32, {0, 5}, ""));
  f.tensors.push_back(make("odd \"name\"\n/ü", FileType::i8, {3}, "abc"));
  return f;
}

TEST(Safetensors, RoundTripIsBitExact) {
  TemporaryFolder folder;
  const WeightFile original = every_type();
  write_safetensors(folder / "a", original);
  const WeightFile read = read_safetensors(folder / "a");
  EXPECT_EQ(read.metadata, original.metadata);
  ASSERT_EQ(read.tensors.size(), original.tensors.size());
  for (const FileTensor& t : original.tensors) {
    const FileTensor* r = read.find(t.name);
    ASSERT_TRUE(r) << t.name;
    EXPECT_EQ(r->type, t.type);
    EXPECT_EQ(r->shape, t.shape);
    EXPECT_EQ(bytes_of(*r), bytes_of(t)) << t.name;
    EXPECT_EQ(reinterpret_cast<uintptr_t>(r->data) % size_of(r->type), 0u) << t.name << " is misaligned";
  }
  EXPECT_FALSE(read.find("absent"));
}

// The bytes that the format asks for: the header's length, its JSON padded to whole words, the data without a hole; wider
// types first, then names.
TEST(Safetensors, WritesTheseBytes) {
  TemporaryFolder folder;
  for (std::size_t more = 0; more < 8; ++more) {  // every remainder of the header
    const std::string note(more, 'x');
    WeightFile f;
    f.metadata = {{"quote", "\"\\" + note}, {"format", "pt"}};
    f.tensors = {make("z", FileType::u8, {3}, "xyz"),          make("y", FileType::f32, {2}, "24681357"),
                 make("a", FileType::f16, {2, 1}, "half"),     make("b", FileType::f32, {1}, "four"),
                 make("c", FileType::f32, {0, 5}, ""),         make("n", FileType::i64, {}, "an int64"),
                 make("flags", FileType::boolean, {1}, "\x01")};
    write_safetensors(folder / "a", f);
    std::string header = R"({"__metadata__":{"format":"pt","quote":"\"\\)" + note +
                         R"("},)"
                         R"("n":{"dtype":"I64","shape":[],"data_offsets":[0,8]},)"
                         R"("b":{"dtype":"F32","shape":[1],"data_offsets":[8,12]},)"
                         R"("c":{"dtype":"F32","shape":[0,5],"data_offsets":[12,12]},)"
                         R"("y":{"dtype":"F32","shape":[2],"data_offsets":[12,20]},)"
                         R"("a":{"dtype":"F16","shape":[2,1],"data_offsets":[20,24]},)"
                         R"("flags":{"dtype":"BOOL","shape":[1],"data_offsets":[24,25]},)"
                         R"("z":{"dtype":"U8","shape":[3],"data_offsets":[25,28]}})";
    while (header.size() % 8 != 0) header += ' ';
    EXPECT_EQ(read_file(folder / "a"),
              safetensors(header, 0) + "an int64" + "four" + "24681357" + "half" + "\x01" + "xyz");
  }
}

// Another writer's file: entries and tensors in different orders, keys in any order, one byte of padding.
TEST(Safetensors, ReadsTheseBytes) {
  const std::string header = R"({"late":{"data_offsets":[7,9],"dtype":"BF16","shape":[1]},)"
                             R"("__metadata__":{"a":"1","b":""},)"
                             R"("none":{"dtype":"F64","shape":[2,0],"data_offsets":[3,3]},)"
                             R"("early":{"shape":[1,3],"dtype":"I8","data_offsets":[0,3]},)"
                             R"("middle":{"dtype":"I32","shape":[1],"data_offsets":[3,7]}} )";
  const WeightFile f = parse(safetensors(header, 0) + "abc" + "defg" + "hi");
  EXPECT_EQ(f.metadata, (std::map<std::string, std::string>{{"a", "1"}, {"b", ""}}));
  const std::tuple<const char*, FileType, Shape, const char*> wanted[] = {{"early", FileType::i8, {1, 3}, "abc"},
                                                                          {"none", FileType::f64, {2, 0}, ""},
                                                                          {"middle", FileType::i32, {1}, "defg"},
                                                                          {"late", FileType::bf16, {1}, "hi"}};
  ASSERT_EQ(f.tensors.size(), 4u);
  for (std::size_t i = 0; i < 4; ++i) {
    const auto& [name, type, shape, bytes] = wanted[i];
    EXPECT_EQ(f.tensors[i].name, name);
    EXPECT_EQ(f.tensors[i].type, type);
    EXPECT_EQ(f.tensors[i].shape, shape);
    EXPECT_EQ(bytes_of(f.tensors[i]), bytes);
  }
}

TEST(Safetensors, FloatTensorBorrowsTheMappedFile) {
  TemporaryFolder folder;
  const float values[] = {1, 2, 3};
  WeightFile f;
  f.tensors.push_back(make("w", FileType::f32, {3}, std::string(reinterpret_cast<const char*>(values), 12)));
  write_safetensors(folder / "a", f);
  Tensor t;
  {
    const WeightFile read = read_safetensors(folder / "a");
    t = read.tensors[0].tensor();
    EXPECT_EQ(t.data(), static_cast<const void*>(read.tensors[0].data));
  }
  EXPECT_EQ(t.as<float>()[2], 3);  // the mapping lives as long as the tensor
}

TEST(Safetensors, MisalignedFloatsAreCopied) {
  const float value = 2.5f;
  std::string bytes = safetensors(R"({"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}  )", 4);
  std::memcpy(bytes.data() + bytes.size() - 4, &value, 4);
  for (int shift = 0; shift < 4; ++shift) {
    auto owner = std::make_shared<std::string>(std::string(std::size_t(shift), ' ') + bytes);
    const auto all = std::as_bytes(std::span(owner->data(), owner->size())).subspan(std::size_t(shift));
    const Tensor t = parse_safetensors(all, owner, "t").tensors[0].tensor();
    EXPECT_EQ(reinterpret_cast<uintptr_t>(t.data()) % 4, 0u);
    EXPECT_EQ(t.as<float>()[0], 2.5f);
  }
}

TEST(Safetensors, OtherTypesBecomeTheEngines) {
  const auto text = [](auto value) { return std::string(reinterpret_cast<const char*>(&value), sizeof value); };
  const auto f16 = make("h", FileType::f16, {6},
                        text(uint16_t(0x3c00)) + text(uint16_t(0x8001)) + text(uint16_t(0x7bff)) +
                            text(uint16_t(0xfc00)) + text(uint16_t(0x7e00)) + text(uint16_t(0x0000)))
                       .tensor();
  EXPECT_EQ(f16.as<float>()[0], 1.0f);
  EXPECT_EQ(f16.as<float>()[1], -0x1p-24f);
  EXPECT_EQ(f16.as<float>()[2], 65504.0f);
  EXPECT_EQ(f16.as<float>()[3], -INFINITY);
  EXPECT_TRUE(std::isnan(f16.as<float>()[4]));
  EXPECT_EQ(f16.as<float>()[5], 0.0f);
  EXPECT_EQ(make("b", FileType::bf16, {1}, text(uint16_t(0xc020))).tensor().as<float>()[0], -2.5f);
  EXPECT_EQ(make("d", FileType::f64, {1}, text(0.1)).tensor().as<float>()[0], 0.1f);
  const Tensor i = make("i", FileType::i64, {2}, text(int64_t(-2147483648)) + text(int64_t(2147483647))).tensor();
  EXPECT_EQ(i.dtype(), DType::i32);
  EXPECT_EQ(i.as<int32_t>()[0], -2147483648);
  EXPECT_EQ(i.as<int32_t>()[1], 2147483647);
  EXPECT_EQ(make("j", FileType::i32, {2}, text(7) + text(-8)).tensor().to_vector<int32_t>(), (std::vector{7, -8}));
  EXPECT_EQ(make("u", FileType::u8, {2}, "ab").tensor().to_vector<uint8_t>(), (std::vector<uint8_t>{'a', 'b'}));
  EXPECT_THROW(make("i", FileType::i64, {1}, text(int64_t(1) << 31)).tensor(), Error);
  EXPECT_THROW(make("i", FileType::i64, {1}, text(-(int64_t(1) << 31) - 1)).tensor(), Error);
  EXPECT_THROW(make("i", FileType::i16, {1}, text(int16_t(1))).tensor(), Error);
}

TEST(Safetensors, WriterRefusesWhatReadersWould) {
  TemporaryFolder folder;
  for (const char* name : {"__metadata__", "\xff\xfe", "w"}) {
    WeightFile f;
    f.tensors = {make("w", FileType::u8, {1}, "x"), make(name, FileType::u8, {1}, "x")};
    EXPECT_THROW(write_safetensors(folder / "a", f), Error) << name;
    EXPECT_FALSE(std::filesystem::exists(folder / "a"));
  }
}

TEST(Safetensors, TooManyTensorsAreALimit) {
  std::string header = "{";
  for (int i = 0; i <= 100'000; ++i)
    header += fmt::format("{}\"{}\":{{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}", i ? "," : "", i);
  EXPECT_HAS(complaint(safetensors(header + "}", 0), Exit::limit), "more than 100000 tensors");
}

TEST(Safetensors, EveryPrefixIsRefused) {
  TemporaryFolder folder;
  write_safetensors(folder / "a", every_type());
  const std::string bytes = read_file(folder / "a");
  EXPECT_EQ(complaint(bytes), "");
  for (std::size_t n = 0; n < bytes.size(); ++n) ASSERT_NE(complaint(bytes.substr(0, n)), "") << n;
}

TEST(Safetensors, FullDiskLeavesTheOldFile) {
  TemporaryFolder folder;
  WeightFile f;
  f.tensors.push_back(make("w", FileType::u8, {100'000}, std::string(100'000, 'x')));
  write_file_atomically(folder / "a", "old");
  const auto on_a_full_disk = [&] {  // a limit of the file size fails write() half-way as well
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{.rlim_cur = 50'000, .rlim_max = 50'000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    return error_of([&] { write_safetensors(folder / "a", f); })[0] - '0';
  };
  EXPECT_EQ(exit_code_of_child(on_a_full_disk), int(Exit::file));
  EXPECT_EQ(read_file(folder / "a"), "old");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1) << "a temporary stayed behind";
}

// Overwritten in place, longer or cut: what was taken from it may be of two files.
TEST(Safetensors, FilesThatChangeWhileTheyAreReadAreErrors) {
  const test::TemporaryFolder folder;
  const float numbers[3] = {1, 2, 3};
  const WeightFile good{.tensors = {{.name = "w", .shape = {3}, .data = reinterpret_cast<const std::byte*>(numbers)}}};
  for (const bool longer : {true, false}) {
    const auto path = folder / "w.safetensors", copy = folder / "copy.safetensors";
    write_safetensors(path, good);
    const WeightFile file = read_safetensors(path);
    EXPECT_NO_THROW(file.check_unchanged());
    const std::string bytes = read_file(path);
    std::ofstream(path, std::ios::trunc) << (longer ? bytes + "more" : bytes.substr(0, 20));
    for (const auto& use : {std::function<void()>([&] { file.check_unchanged(); }),
                            std::function<void()>([&] { write_safetensors(copy, file); })})
      EXPECT_HAS(refusal(use, Exit::file), "w.safetensors changed while it was read");
    EXPECT_FALSE(std::filesystem::exists(copy));
  }
}

}  // namespace
}  // namespace pc
