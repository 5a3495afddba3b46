// IDX files, gzipped or not: a folder of four. The input begins with the u16 sizes of the first three; the fourth is
// the rest.
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <string>

#include "data/catalog.h"
#include "tests/fuzz/target.h"

namespace {

using pc::fuzz::expect;

// Links to four files in memory, in a folder that goes with the process.
class Links {
 public:
  Links() {
    const char* names[] = {"train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte",
                           "t10k-labels-idx1-ubyte"};
    for (std::size_t i = 0; i < files_.size(); ++i) {
      files_[i] = ::memfd_create(names[i], MFD_CLOEXEC);
      std::filesystem::create_symlink("/proc/self/fd/" + std::to_string(files_[i]), folder_ / names[i]);
    }
  }
  void fill(std::size_t file, std::string_view text) const {
    const int fd = files_[file];
    expect(::ftruncate(fd, 0) == 0 && ::pwrite(fd, text.data(), text.size(), 0) == ssize_t(text.size()), "a file");
  }
  std::filesystem::path path() const { return folder_ / ""; }

 private:
  pc::fuzz::Folder folder_;
  std::array<int, 4> files_{};
};

void fill(const Links& folder, std::string_view text) {
  std::array<std::size_t, 4> sizes{};
  for (std::size_t i = 0; i < 3 && text.size() >= 2; ++i, text.remove_prefix(2))
    sizes[i] = uint8_t(text[0]) | std::size_t(uint8_t(text[1])) << 8;
  sizes[3] = text.size();
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    const std::string_view part = text.substr(0, sizes[i]);
    folder.fill(i, part);
    text.remove_prefix(part.size());
  }
}

void check(const pc::data::DataSet& set) {
  const auto& items = set.catalog.items;
  expect(!items.empty() && set.catalog.given.size() == items.size(), "a split for every item");
  for (const auto& item : items)
    expect(item.labels.size() == 1 && std::size_t(item.labels[0]) < set.catalog.classes[0].size(),
           "a label is a class");
  for (const std::size_t item : {std::size_t(0), items.size() / 2, items.size() - 1}) {
    const pc::data::Image image = set.images->image(item);
    const pc::data::ImageInfo info = set.images->info(item);
    expect(image.h == int(info.h) && image.w == int(info.w), "a picture is as large as its header says");
    expect(image.pixels.size() == std::size_t(image.h) * std::size_t(image.w) * 3, "as many pixels as its sides say");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  static const Links folder;
  fill(folder, pc::fuzz::as_text(data, size));
  return pc::fuzz::expect_answer(size, [] { check(pc::data::open_dataset(folder.path(), {})); });
}
