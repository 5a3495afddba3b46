#include "tools/predict/index_file.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/safetensors_write.h"
#include "kernels/base/error.h"
#include "kernels/base/file.h"
#include "tools/weights/not_weights.h"
#include "tools/weights/weights.h"

namespace pc::predict {
namespace {

constexpr const char* kMark = "pc.index";

const FileTensor& member(const WeightFile& file, const char* name, FileType type, std::size_t rank,
                         const std::string& path) {
  const FileTensor* tensor = file.find(name);
  if (!tensor || tensor->type != type || tensor->shape.size() != rank)
    fail(Exit::data,
         fmt::format("{}: broken index: no tensor \"{}\" of {} and {} dimensions; make it again with pcindex", path,
                     name, name_of(type), rank));
  return *tensor;
}

std::vector<std::string> names_in(const FileTensor& bytes) {
  std::vector<std::string> names;
  const char *at = reinterpret_cast<const char*>(bytes.data), *end = at + bytes.bytes();
  while (at != end) {
    const char* stop = std::find(at, end, '\0');
    names.emplace_back(at, stop);
    at = stop == end ? end : stop + 1;
  }
  return names;
}

}  // namespace

IndexFile read_index(const std::filesystem::path& path, const std::string& backbone) {
  const auto bytes = std::make_shared<const std::string>(read_file(path));
  if (!weights::looks_like_safetensors(std::as_bytes(std::span(*bytes)))) {
    const std::string what = weights::what_instead(std::as_bytes(std::span(*bytes)));
    fail(Exit::data, fmt::format("{}: not an index of a catalog{}{}; pcindex makes one", path.string(),
                                 what.empty() ? "" : "; ", what));
  }
  IndexFile index{.file = parse_safetensors(std::as_bytes(std::span(*bytes)), bytes, path.string()),
                  .features = nullptr,
                  .names = {}};
  const auto& metadata = index.file.metadata;
  const auto mark = metadata.find(kMark);
  if (mark == metadata.end()) fail(Exit::data, path.string() + ": not an index of a catalog; pcindex makes one");
  if (mark->second != backbone)
    fail(Exit::data,
         path.string() + ": made with another model's weights or preprocessing; make it again with pcindex");
  index.features = &member(index.file, "features", FileType::f32, 2, path.string());
  index.names = names_in(member(index.file, "files", FileType::u8, 1, path.string()));
  constexpr int64_t kMost = int64_t(1) << 30;  // the sizes of the product are ints
  const int64_t n = index.features->shape[0], c = index.features->shape[1];
  if (n < 1 || n > kMost || c < 1 || c > kMost || std::ssize(index.names) != n)
    fail(Exit::data, fmt::format("{}: broken index: features {} for {} images; make it again with pcindex",
                                 path.string(), to_string(index.features->shape), index.names.size()));
  return index;
}

void write_index(const std::filesystem::path& path, const std::vector<float>& features,
                 const std::vector<uint8_t>& names, int64_t images, const std::string& backbone) {
  const auto bytes = [](const auto& values) { return reinterpret_cast<const std::byte*>(values.data()); };
  const int64_t c = std::ssize(features) / images;
  write_safetensors(
      path,
      {.tensors =
           {{.name = "features", .type = FileType::f32, .shape = {images, c}, .data = bytes(features), .owner = {}},
            {.name = "files", .type = FileType::u8, .shape = {std::ssize(names)}, .data = bytes(names), .owner = {}}},
       .metadata = {{kMark, backbone}}});
}

}  // namespace pc::predict
