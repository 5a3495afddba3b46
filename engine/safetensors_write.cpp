#include "engine/safetensors_write.h"

#include <fmt/format.h>

#include <algorithm>

#include "kernels/base/error.h"
#include "kernels/base/file.h"
#include "kernels/base/text.h"

namespace pc {
namespace {

std::string quoted(const std::string& text, const std::string& file) {
  if (!is_utf8(text)) fail(Exit::data, fmt::format("{}: \"{}\" is not UTF-8", file, printable(text)));
  return json_string(text);
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

}  // namespace

void write_safetensors(const std::filesystem::path& path, const WeightFile& file) {
  const auto order = in_file_order(file, path.string());
  const std::string header = make_header(file, order, path.string());
  write_file_atomically(path, [&](const FileSink& sink) {
    const uint64_t length = header.size();
    sink(&length, sizeof length);
    sink(header.data(), header.size());
    for (const FileTensor* t : order) sink(t->data, t->bytes());
    file.check_unchanged();
  });
}

}  // namespace pc
