#include "tools/dataset/sample_command.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>

#include "data/jpeg.h"
#include "kernels/base/directory.h"
#include "kernels/base/file.h"
#include "kernels/base/parallel.h"
#include "kernels/base/random.h"
#include "tools/cli/progress.h"
#include "tools/cli/validators.h"
#include "tools/dataset/drawing.h"

namespace pc::dataset {
namespace {

namespace fs = std::filesystem;

struct Options {
  int64_t count = 0;
  std::string folder = "sample";
  uint64_t seed = 1;
  bool force = false;
};

// What the real set gets wrong: one of each in every hundred products.
enum class Wart { none, comma, no_picture, gray, narrow };
Wart wart_of(int64_t number) {
  switch (number % 100) {
    case 5:
      return Wart::comma;
    case 7:
      return Wart::no_picture;
    case 9:
      return Wart::gray;
    case 11:
      return Wart::narrow;
    default:
      return Wart::none;
  }
}

struct Choice {
  std::size_t product, paint;
  int id, year;
};

Choice choose(const Options& o, int64_t number) {
  const Philox words = philox(o.seed, uint64_t(number), uint64_t(1) << 40);  // beyond the words of the drawing
  return {.product = words.word[0] % products().size(),
          .paint = words.word[1] % paints().size(),
          .id = 10000 + int(number),
          .year = 2010 + int(words.word[2] % 9)};
}

// Kaggle's ten columns. Gender follows from the article and season from the color, so that every label can be learnt.
std::string row(const Options& o, int64_t number) {
  const Choice c = choose(o, number);
  const Product& product = products()[c.product];
  static const char* const kGenders[] = {"Men", "Women", "Unisex"};
  static const char* const kSeasons[] = {"Winter", "Summer", "Fall", "Spring"};
  const char *gender = kGenders[c.product % 3], *color = paints()[c.paint].name;
  const std::string name =
      fmt::format("Kestrel {} {}{} {}", gender, color, wart_of(number) == Wart::comma ? ", plain" : "", product.name);
  return fmt::format("{},{},{},{},{},{},{},{},{},{}\n", c.id, gender, product.master, product.category, product.article,
                     color, kSeasons[c.paint % 4], c.year, product.usage, name);
}

void draw(const Options& o, const fs::path& images, int64_t number) {
  const Wart wart = wart_of(number);
  if (wart == Wart::no_picture) return;
  const Choice c = choose(o, number);
  const data::Image image =
      draw_product(c.product, c.paint, 80, wart == Wart::narrow ? 53 : 60, o.seed, uint64_t(number));
  const auto jpeg = encode_jpeg(image, {.gray = wart == Wart::gray});
  create_file(images / fmt::format("{}.jpg", c.id), [&](const FileSink& sink) { sink(jpeg.data(), jpeg.size()); });
}

void fill(const Options& o, const fs::path& folder) {
  const fs::path images = make_folders(folder / "images");
  std::string rows =
      "id,gender,masterCategory,subCategory,articleType,baseColour,season,year,usage,productDisplayName\n";
  for (int64_t i = 0; i < o.count; ++i) rows += row(o, i);
  cli::Progress progress("drawing", o.count);
  constexpr int64_t kStep = 256;
  for (int64_t first = 0; first < o.count; first += kStep) {
    progress.update(first);
    parallel_for(std::min(kStep, o.count - first), 8, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) draw(o, images, first + i);
    });
  }
  create_file(folder / "styles.csv", [&](const FileSink& sink) { sink(rows.data(), rows.size()); });
}

Exit run(const Options& o) {
  const fs::path above = fs::path(o.folder).parent_path();
  if (!above.empty()) make_folders(above);
  write_folder_atomically(
      o.folder, [&](const fs::path& folder) { fill(o, folder); }, o.force);
  fmt::print("{}: {} products of {} kinds in {} colors\n", o.folder, o.count, products().size(), paints().size());
  return Exit::ok;
}

}  // namespace

Subcommand sample_subcommand(CLI::App& app) {
  auto o = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("sample", "Draw a small made-up catalog in Kaggle's layout");
  command->add_option("N", o->count, "Number of products; one in a hundred lacks its image")
      ->required()
      ->check(cli::between(1, 1'000'000));
  command->add_option("DIR", o->folder, "Folder to make")->capture_default_str();
  command->add_option("--seed", o->seed, "Same seed, same bytes")->capture_default_str();
  command->add_flag("--force", o->force, "Replace DIR, unless it holds anything else");
  return {command, [o] { return run(*o); }};
}

}  // namespace pc::dataset
