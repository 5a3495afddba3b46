#include "engine/safetensors_write.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "kernels/base/error.h"
#include "kernels/base/file.h"

namespace pc {
namespace {

std::string quoted(const std::string& text, const std::string& file) {
  try {
    return nlohmann::json(text).dump();
  } catch (const nlohmann::json::exception&) {
    fail(Exit::data, fmt::format("{}: \"{}\" is not UTF-8", file, printable(text)));
  }
}

std::vector<const FileTensor*> in_file_order(const WeightFile& file, const std::string& name) {
  std::vector<const FileTensor*> order;
  for (const FileTensor& t : file.tensors) order.push_back(&t);
  std::sort(order.begin(), order.end(), [](const FileTensor* a, const FileTensor* b) { return a->name < b->name; });
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (order[i]->name == "__metadata__")
      fail(Exit::data, fmt::format("{}: a tensor cannot be named __metadata__", name));
    if (i > 0 && order[i]->name == order[i - 1]->name)
      fail(Exit::data, fmt::format("{}: two tensors are named \"{}\"", name, printable(order[i]->name)));
  }
  std::stable_sort(order.begin(), order.end(),
                   [](const FileTensor* a, const FileTensor* b) { return size_of(a->type) > size_of(b->type); });
  return order;
}

std::string make_header(const WeightFile& file, const std::vector<const FileTensor*>& order, const std::string& name) {
  std::string header = "{";
  if (!file.metadata.empty()) {
    header += "\"__metadata__\":{";
    for (const auto& [key, value] : file.metadata) header += quoted(key, name) + ":" + quoted(value, name) + ",";
    header.back() = '}';
    header += ',';
  }
  std::size_t offset = 0;
  for (const FileTensor* t : order) {
    header += fmt::format("{}:{{\"dtype\":\"{}\",\"shape\":[{}],\"data_offsets\":[{},{}]}},", quoted(t->name, name),
                          name_of(t->type), fmt::join(t->shape, ","), offset, offset + t->bytes());
    offset += t->bytes();
  }
  if (header.back() == ',') header.pop_back();
  header += '}';
  header.resize((header.size() + 7) / 8 * 8, ' ');
  if (header.size() > kMaxHeaderBytes)
    fail(Exit::limit, fmt::format("{}: names and metadata are over {}", name, size_text(kMaxHeaderBytes)));
  return header;
}

// Bytes of the UTF-8 character at the front; 0 where there is none (overlong, surrogate and too large forms included).
std::size_t utf8_length(std::string_view text) {
  const auto at = [&](std::size_t i) { return i < text.size() ? uint8_t(text[i]) : 0u; };
  const uint32_t a = at(0);
  if (a < 0x80) return 1;
  const std::size_t n = a >= 0xf0 ? 4 : a >= 0xe0 ? 3 : 2;
  if (a < 0xc2 || a > 0xf4) return 0;
  for (std::size_t i = 1; i < n; ++i)
    if ((at(i) & 0xc0) != 0x80) return 0;
  if ((a == 0xe0 && at(1) < 0xa0) || (a == 0xed && at(1) > 0x9f) || (a == 0xf0 && at(1) < 0x90) ||
      (a == 0xf4 && at(1) > 0x8f))
    return 0;
  return n;
}

}  // namespace

void write_safetensors(const std::filesystem::path& path, const WeightFile& file) {
  const auto order = in_file_order(file, path.string());
  const std::string header = make_header(file, order, path.string());
  write_file_atomically(path, [&](const FileSink& sink) {
    const uint64_t length = header.size();
    sink(&length, sizeof length);
    sink(header.data(), header.size());
    for (const FileTensor* t : order) sink(t->data, t->bytes());
  });
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t n = utf8_length(text);
    if (n == 0) return false;
    text.remove_prefix(n);
  }
  return true;
}

std::string printable(std::string_view text) {
  constexpr std::size_t most = 120;
  std::string result;
  while (!text.empty()) {
    if (result.size() >= most) return result + "…";
    const std::size_t n = utf8_length(text);
    // C1 controls (U+0080..U+009F) steer terminals too.
    const bool control =
        uint8_t(text[0]) < 0x20 || text[0] == 0x7f || (n == 2 && text[0] == '\xc2' && uint8_t(text[1]) < 0xa0);
    if (n == 0 || control)
      for (char c : text.substr(0, std::max<std::size_t>(n, 1))) result += fmt::format("\\x{:02x}", uint8_t(c));
    else
      result += text.substr(0, n);
    text.remove_prefix(std::max<std::size_t>(n, 1));
  }
  return result;
}

}  // namespace pc
