#include "tools/train/held_back.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "data/png.h"
#include "kernels/base/directory.h"
#include "kernels/base/error.h"
#include "kernels/base/file.h"

namespace pc::train {
namespace {

constexpr std::size_t kLongestName = 200;  // bytes; file systems take 255, with the number and ".tmp.PID"

// "Casual Shoes" -> "Casual_Shoes": what every shell and file system takes.
std::string file_name(const runs::DataPlan& plan, uint32_t item) {
  const data::Catalog& catalog = plan.catalog;
  std::string name;
  for (std::size_t c = 0; c < catalog.columns.size(); ++c) {
    const int32_t label = catalog.items[item].labels[c];
    name += (name.empty() ? "" : "-") + (label < 0 ? "none" : catalog.classes[c][std::size_t(label)]);
  }
  name.resize(std::min(name.size(), kLongestName));
  for (char& c : name)
    if (!std::isalnum(static_cast<unsigned char>(c)) && c != '-') c = '_';
  return fmt::format("{}-{}.png", name, item);
}

}  // namespace

void write_held_back(const std::filesystem::path& folder, const runs::DataPlan& plan, int count) {
  make_folders(folder);
  const auto n = std::min(std::size_t(count), plan.test.size());
  for (std::size_t i = 0; i < n; ++i) {
    const uint32_t item = plan.test[i * plan.test.size() / n];
    const std::vector<std::byte> png = encode_png(plan.store->copy_image(item));
    write_file_atomically(folder / file_name(plan, item), {reinterpret_cast<const char*>(png.data()), png.size()});
  }
}

}  // namespace pc::train
