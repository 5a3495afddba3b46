#include "tools/weights/pth_write.h"

#include <fmt/format.h>

#include <limits>
#include <string_view>
#include <unordered_set>

#include "kernels/base/bytes.h"
#include "kernels/base/error.h"
#include "kernels/base/file.h"
#include "kernels/base/text.h"
#include "tools/weights/pickle.h"
#include "tools/weights/zip_write.h"

namespace pc::weights {
namespace {

using namespace std::string_view_literals;

// ---- pickle, protocol 2, without a memo: names are repeated instead
constexpr std::string_view kProto = "\x80\x02"sv, kOrderedDict = "ccollections\nOrderedDict\n)R"sv;

std::string text(std::string_view value) { return "X" + little_endian(uint32_t(value.size())) + std::string(value); }
std::string number(int64_t value) {
  const bool narrow = value <= std::numeric_limits<int32_t>::max();
  return narrow ? "J" + little_endian(int32_t(value)) : "\x8a\x08" + little_endian(value);
}
std::string tuple(const std::string& items) { return "(" + items + "t"; }

// _rebuild_tensor_v2(storage KEY, offset 0, size, strides, requires_grad False, no hooks)
std::string tensor(const FileTensor& t, std::size_t key) {
  std::string size, strides;
  int64_t step = t.size();
  for (int64_t d : t.shape) {
    step = d == 0 ? 0 : step / d;
    size += number(d);
    strides += number(step);
  }
  const std::string id = text("storage") + "ctorch\n" + storage_name(t.type) + "\n" + text(std::to_string(key)) +
                         text("cpu") + number(t.size());
  return "ctorch._utils\n_rebuild_tensor_v2\n" +
         tuple(tuple(id) + "Q" + number(0) + tuple(size) + tuple(strides) + "\x89" + std::string(kOrderedDict)) + "R";
}

std::string state_dict(const WeightFile& file, const std::string& name) {
  std::unordered_set<std::string_view> names;
  std::string pickle = std::string(kProto) + std::string(kOrderedDict) + "(";
  for (std::size_t i = 0; i < file.tensors.size(); ++i) {
    const FileTensor& t = file.tensors[i];
    if (!is_utf8(t.name)) fail(Exit::data, fmt::format("{}: \"{}\" is not UTF-8", name, printable(t.name)));
    if (!names.insert(t.name).second)
      fail(Exit::data, fmt::format("{}: two tensors are named \"{}\"", name, printable(t.name)));
    pickle += text(t.name) + tensor(t, i);
  }
  return pickle + "u.";
}

}  // namespace

void write_pth(const std::filesystem::path& path, const WeightFile& file) {
  const std::string pickle = state_dict(file, path.string());
  std::vector<ZipPart> parts;
  const auto add = [&](const std::string& name, const void* data, std::size_t bytes) {
    parts.push_back({"archive/" + name, {static_cast<const std::byte*>(data), bytes}});
  };
  add("data.pkl", pickle.data(), pickle.size());
  add("byteorder", "little", 6);
  for (std::size_t i = 0; i < file.tensors.size(); ++i)
    add(fmt::format("data/{}", i), file.tensors[i].data, file.tensors[i].bytes());
  add("version", "3\n", 2);
  write_zip(path, parts, [&] { file.check_unchanged(); });
}

}  // namespace pc::weights
