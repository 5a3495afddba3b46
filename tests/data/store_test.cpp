// The packed store: what goes in comes out, and damage is found.
#include "data/store.h"

#include <fmt/format.h>
#include <unistd.h>
#include <zlib.h>

#include <cerrno>
#include <cstdlib>
#include <functional>
#include <optional>
#include <stdexcept>
#include <system_error>

#include "data/cache_folder.h"
#include "data/resize.h"
#include "kernels/base/bytes.h"
#include "kernels/base/error.h"
#include "kernels/base/file.h"
#include "kernels/base/temporary.h"
#include "make.h"
#include "tests/support.h"

namespace pc::data {
namespace {

using test::Files;

// 200 pictures of two classes and three sizes, and three bad ones; more than two blocks of the packer.
Files pictures() {
  Files files;
  for (int i = 0; i < 200; ++i) {
    const Image image = test::make_picture(i % 3 ? 16 : 21, i % 5 ? 12 : 17, i);
    files[fmt::format("hat/{}.jpg", 1000 + i)] = test::jpeg_of(image, 80);
  }
  files["shoe/1.jpg"] = "";
  files["shoe/2.jpg"] = "<html>404</html>";
  files["shoe/3.jpg"] = test::jpeg_claiming(65500, 65500);
  files["shoe/4.jpg"] = test::png_of(test::make_picture(100, 80));
  return files;
}

class Store : public testing::Test {
 protected:
  Store() {
    test::write_zip(folder_ / "set.zip", pictures());
    data_ = open_dataset(folder_ / "set.zip", {});
  }
  std::shared_ptr<const ImageStore> open(const StoreSettings& settings = {}) {
    packed_ = 0;
    return open_store(data_, settings, folder_ / "cache", [&](int64_t, int64_t) { ++packed_; });
  }
  test::TemporaryFolder folder_;
  DataSet data_;
  int packed_ = 0;  // calls of the progress callback: 0 where the store was only mapped
};

// The images of a data set, but one of them fails in a way of its own.
class FailingImages final : public ImageSource {
 public:
  FailingImages(std::shared_ptr<const ImageSource> images, std::function<void()> failure)
      : images_(std::move(images)), failure_(std::move(failure)) {}
  Image image(std::size_t item, const DecodeSettings& settings) const override {
    if (item == 130) failure_();
    return images_->image(item, settings);
  }
  ImageInfo info(std::size_t item) const override { return images_->info(item); }
  uint64_t fingerprint() const override { return images_->fingerprint(); }

 private:
  std::shared_ptr<const ImageSource> images_;
  std::function<void()> failure_;
};

// Whatever the work on one image throws costs that image only.
TEST_F(Store, AnyExceptionCostsOneImage) {
  const std::function<void()> failures[] = {[] { fail(Exit::data, "broken"); }, [] { fail(Exit::limit, "broken"); },
                                            [] { fail_shape("broken"); }, [] { throw std::out_of_range("broken"); },
                                            [] { throw 7; }};
  const auto images = data_.images;
  for (const auto& failure : failures) {
    data_.images = std::make_shared<FailingImages>(images, failure);
    const auto store = open();
    ASSERT_EQ(store->bad().size(), 4u);
    EXPECT_EQ(store->bad()[0].item, 130u);
    EXPECT_GT(packed_, 0);
    std::filesystem::remove(store->path());
  }
}

// What passes is no property of the image: it ends the packing by name, and the next try reads everything.
TEST_F(Store, PassingErrorsAreNotStored) {
  const auto images = data_.images;
  const std::pair<std::function<void()>, std::string> failures[] = {
      {[] { fail(Exit::file, "cannot open hat/1130.jpg: Too many open files"); },
       "4: cannot open hat/1130.jpg: Too many open files"},
      {[] { throw std::bad_alloc(); }, "6: hat/1130.jpg: not enough memory for this image"},
      {[] { throw std::system_error(EIO, std::generic_category()); }, "4: hat/1130.jpg: Input/output error"}};
  for (const auto& [failure, message] : failures) {
    data_.images = std::make_shared<FailingImages>(images, failure);
    EXPECT_EQ(test::error_of([&] { open(); }), message);
    EXPECT_TRUE(std::filesystem::is_empty(folder_ / "cache"));
    data_.images = images;
    const auto store = open();
    EXPECT_EQ(store->bad().size(), 3u);
    EXPECT_EQ(store->image(130).h, images->image(130, {}).h);
    std::filesystem::remove(store->path());
  }
}

TEST_F(Store, HoldsEveryPicture) {
  const auto store = open();
  ASSERT_EQ(store->size(), 204u);
  int64_t total = 0;
  for (std::size_t i = 0; i < store->size(); ++i) {
    const StoredImage at = store->image(i);
    if (at.h == 0) continue;
    const Image image = data_.images->image(i);
    ASSERT_EQ(std::pair(at.h, at.w), std::pair(image.h, image.w));
    ASSERT_TRUE(std::equal(image.pixels.begin(), image.pixels.end(), store->pixels() + at.offset)) << i;
    total += int64_t(image.pixels.size());
  }
  EXPECT_EQ(store->pixel_bytes(), total);
}

TEST_F(Store, ListsBadPicturesWithTheirReason) {
  for (const char* run : {"packed", "mapped"}) {
    const auto store = open();
    ASSERT_EQ(store->bad().size(), 3u) << run;
    EXPECT_EQ(store->bad()[0].item, 200u);
    EXPECT_EQ(store->bad()[0].file, "shoe/1.jpg");
    EXPECT_EQ(store->bad()[0].reason, "shoe/1.jpg: empty file; copy or download it again");
    EXPECT_EQ(store->bad()[1].reason, "shoe/2.jpg: not an image (looks like HTML); expected JPEG, PNG or WebP");
    EXPECT_EQ(store->bad()[2].reason, "shoe/3.jpg: 65500x65500 exceeds the limit of 100 Mpixel");
    EXPECT_EQ(store->image(200).h, 0);
    EXPECT_EQ(store->image(200).w, 0);
  }
}

TEST_F(Store, IsPackedOnceAndThenMapped) {
  const auto first = open();
  EXPECT_GT(packed_, 0);
  const auto second = open();
  EXPECT_EQ(packed_, 0);
  EXPECT_EQ(first->path(), second->path());
  ASSERT_EQ(first->pixel_bytes(), second->pixel_bytes());
  EXPECT_TRUE(std::equal(first->pixels(), first->pixels() + first->pixel_bytes(), second->pixels()));
}

TEST_F(Store, ProgressCountsEveryPicture) {
  std::vector<int64_t> seen;
  open_store(data_, {}, folder_ / "cache", [&](int64_t done, int64_t total) {
    EXPECT_EQ(total, 204);
    seen.push_back(done);
  });
  EXPECT_EQ(seen.front(), 0);
  EXPECT_EQ(seen.back(), 204);
  EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
}

TEST_F(Store, OneThatIsCutOffOrOfOtherContentIsPackedAgain) {
  const std::filesystem::path path = open()->path();
  const std::string good = read_file(path);
  std::string other_version = good, other_key = good;
  other_version[good.size() - 48] ^= 1;
  other_key[good.size() - 40] ^= 1;
  for (const std::string& damaged :
       {std::string(), std::string("x"), good.substr(0, good.size() / 2), good.substr(0, good.size() - 1), good + "x",
        good.substr(0, 1000) + good.substr(1001), other_version, other_key}) {
    test::write_text(path, damaged);
    open();
    EXPECT_GT(packed_, 0);
    EXPECT_TRUE(read_file(path) == good);
  }
}

TEST_F(Store, OneFlippedBitIsFoundWhereverItIs) {
  const auto store = open();
  const std::filesystem::path path = store->path();
  const std::string good = read_file(path);
  const auto pixels = std::size_t(store->pixel_bytes());
  for (const std::size_t at : {std::size_t(0), pixels / 2, pixels - 1,  // pixels, then the index's first and last byte,
                               (pixels + 7) / 8 * 8, (pixels + 7) / 8 * 8 + 16 * store->size() - 1, good.size() - 80,
                               good.size() - 1}) {  // the bad list, the checksum
    SCOPED_TRACE(at);
    std::string damaged = good;
    damaged[at] ^= 1;
    test::write_text(path, damaged);
    const std::string error = test::error_of([&] { open(); });
    EXPECT_TRUE(error.starts_with("3: " + path.string() + ": damaged: its bytes have CRC-32 ")) << error;
    EXPECT_TRUE(error.ends_with("; delete it, it is made again")) << error;
  }
  std::filesystem::remove(path);
  open();
  EXPECT_TRUE(read_file(path) == good);
}

// A file whose checksum is right says nothing about its numbers: each is checked before an image is looked at.
TEST_F(Store, AnIndexThatLeadsElsewhereIsRefused) {
  const auto store = open();
  const std::filesystem::path path = store->path();
  const std::string good = read_file(path);
  const std::size_t index_at = (std::size_t(store->pixel_bytes()) + 7) / 8 * 8, last = index_at + 16 * 203;
  const uint64_t pixels = uint64_t(store->pixel_bytes());
  const auto with = [&](std::size_t at, auto value) {
    std::string forged = good;
    return forged.replace(at, sizeof value, little_endian(value));
  };
  const std::size_t bad_list = index_at + 16 * 204;
  const std::string forgeries[] = {with(index_at, uint64_t(1) << 40),      // far away
                                   with(last, pixels - 10),                // near the end
                                   with(index_at + 16, uint64_t(0)),       // over the one before
                                   with(index_at + 16, ~uint64_t(0)),      // a sum that overflows
                                   with(index_at + 8, uint32_t(1) << 31),  // sides
                                   with(index_at + 8, ~uint32_t(0)),
                                   with(index_at + 8, uint64_t(0)),            // no image, yet not in the list
                                   with(index_at + 8, uint32_t(0)),            // 0 pixels high
                                   with(last + 8, uint32_t(1)),                // pixels that no image has
                                   with(bad_list, '9'),                        // the list of bad images
                                   with(good.size() - 56 + 40, uint64_t(0))};  // its size
  for (std::string forged : forgeries) {
    const std::string summed = forged.substr(0, forged.size() - 8);
    forged.replace(forged.size() - 8, 8,
                   little_endian(uint64_t(::crc32_z(0, reinterpret_cast<const Bytef*>(summed.data()), summed.size()))));
    test::write_text(path, forged);
    const std::string error = test::error_of([&] { open(); });
    if (error == "nothing")
      EXPECT_TRUE(packed_ > 0 && read_file(path) == good);  // its parts do not add up to the file: packed again
    else
      EXPECT_EQ(error,
                "3: " + path.string() + ": damaged: its index does not fit its pixels; delete it, it is made again");
  }
}

// A block of the packer without a single pixel must not make the checksum begin anew.
TEST_F(Store, ManyBadPicturesInARow) {
  Files files = pictures();
  for (int i = 0; i < 200; ++i) files[fmt::format("shoe/bad{}.jpg", i)] = "";
  test::write_zip(folder_ / "set.zip", files);
  data_ = open_dataset(folder_ / "set.zip", {});
  EXPECT_EQ(open()->bad().size(), 203u);
  const std::filesystem::path path = open()->path();
  std::string damaged = read_file(path);
  damaged[0] ^= 1;
  test::write_text(path, damaged);
  EXPECT_TRUE(test::error_of([&] { open(); }).starts_with("3: "));
}

TEST_F(Store, NameFollowsContentAndSettings) {
  const auto path = store_path(data_, {}, "c");
  EXPECT_EQ(path, store_path(open_dataset(folder_ / "set.zip", {"label"}), {}, "c"));
  EXPECT_NE(path, store_path(data_, {.short_side = 64}, "c"));
  EXPECT_NE(path, store_path(data_, {.max_pixels = 1000}, "c"));
  Files files = pictures();
  files["hat/1000.jpg"] = test::jpeg_of(test::make_picture(9, 9));
  test::write_zip(folder_ / "set.zip", files);
  EXPECT_NE(path, store_path(open_dataset(folder_ / "set.zip", {}), {}, "c"));
}

TEST_F(Store, ShortSideReducesLargerImagesOnly) {
  const auto store = open({.short_side = 12});
  for (std::size_t i = 0; i < store->size(); ++i) {
    const StoredImage at = store->image(i);
    if (at.h == 0) continue;
    EXPECT_EQ(std::min(at.h, at.w), 12);
  }
  EXPECT_EQ(store->image(203).h, 15);  // 100 x 80
}

TEST_F(Store, AFolderThatCannotBeWritten) {
  test::write_text(folder_ / "cache", "a file stands in the way");
  EXPECT_TRUE(test::error_of([&] { open(); }).starts_with("4: cannot make folder "));
}

// What a killed packer left, be it of this store or of another one; what a living one writes is locked, and stays.
TEST_F(Store, TemporariesOfTheDeadAreSwept) {
  const auto cache = folder_ / "cache";
  open();
  test::write_text(cache / "pictures-0123456789abcdef.u8.tmp.99999999", "dead");
  test::write_text(open()->path().string() + ".tmp.4", "dead");
  test::write_text(cache / "somebody.tmp.7", "not ours");
  const auto living = create_temporary(cache / "pictures-fedcba9876543210.u8.tmp.5");
  std::filesystem::remove(open()->path());
  test::write_text(cache / "pictures-0123456789abcdef.u8.tmp.99999998", "dead");
  const auto store = open();
  std::vector<std::string> left;
  for (const auto& file : std::filesystem::directory_iterator(cache)) left.push_back(file.path().filename().string());
  std::sort(left.begin(), left.end());
  EXPECT_EQ(left, (std::vector<std::string>{store->path().filename().string(), "pictures-fedcba9876543210.u8.tmp.5",
                                            "somebody.tmp.7"}));
}

// A store that is overwritten while it is mapped shows other pixels: whoever took some can know.
TEST_F(Store, OneThatChangesUnderTheMappingIsNoticed) {
  const auto store = open();
  store->check_unchanged();
  std::filesystem::resize_file(store->path(), 5000);
  const std::string error = test::error_of([&] { store->check_unchanged(); });
  EXPECT_TRUE(error.starts_with("4: " + store->path().string() + " changed while it was read")) << error;
}

TEST_F(Store, NothingIsLeftUnderTheFinalNameWhenPackingFails) {
  const auto stop = [](int64_t done, int64_t) {
    if (done > 100) throw std::runtime_error("stop");
  };
  EXPECT_THROW(open_store(data_, {}, folder_ / "cache", stop), std::runtime_error);
  EXPECT_TRUE(std::filesystem::is_empty(folder_ / "cache"));
}

// Sets a variable of the environment, or takes it away, until the end of the scope.
class Variable {
 public:
  Variable(const char* name, const char* value) : name_(name) {
    if (const char* old = std::getenv(name)) old_ = old;
    value ? ::setenv(name, value, 1) : ::unsetenv(name);
  }
  ~Variable() { old_ ? ::setenv(name_, old_->c_str(), 1) : ::unsetenv(name_); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  const char* name_;
  std::optional<std::string> old_;
};

TEST(StoreFolder, DefaultIsTheCacheFolderOfTheUser) {
  const Variable home("HOME", "/home/somebody");
  {
    const Variable cache("XDG_CACHE_HOME", "/somewhere");
    EXPECT_EQ(default_cache_folder(), "/somewhere/pc");
  }
  const Variable cache("XDG_CACHE_HOME", nullptr);
  EXPECT_EQ(default_cache_folder(), "/home/somebody/.cache/pc");
}

// In the temporary folder anybody may have taken the name before.
TEST(StoreFolder, WithoutAHomeItIsPrivateOrRefused) {
  const test::TemporaryFolder folder;
  const Variable home("HOME", nullptr), cache("XDG_CACHE_HOME", nullptr), place("TMPDIR", folder.path().c_str());
  const std::filesystem::path expected = folder / ("pc-cache-" + std::to_string(::geteuid()));
  const auto mode = [&] { return std::filesystem::status(expected).permissions(); };
  EXPECT_EQ(default_cache_folder(), expected);
  EXPECT_EQ(mode(), std::filesystem::perms::owner_all);
  EXPECT_EQ(default_cache_folder(), expected);  // it is there now
  const std::string refusal =
      "4: " + expected.string() + ": not a folder of this user alone (mode 0700); set HOME or XDG_CACHE_HOME";
  const auto error = [] { return test::error_of([] { default_cache_folder(); }); };
  std::filesystem::permissions(expected, std::filesystem::perms(0755));
  EXPECT_EQ(error(), refusal);
  std::filesystem::rename(expected, folder / "elsewhere");
  std::filesystem::permissions(folder / "elsewhere", std::filesystem::perms(0700));
  std::filesystem::create_symlink(folder / "elsewhere", expected);
  EXPECT_EQ(error(), refusal);
  std::filesystem::remove(expected);
  test::write_text(expected, "a file");
  EXPECT_EQ(error(), refusal);
  std::filesystem::remove(expected);
  if (::geteuid() != 0) return;  // others' folders: only root can make one
  std::filesystem::create_directory(expected);
  std::filesystem::permissions(expected, std::filesystem::perms(0700));
  ASSERT_EQ(::chown(expected.c_str(), 12345, 12345), 0);
  EXPECT_EQ(error(), refusal);
}

TEST(Resize, KeepsAFlatPictureFlatAndTheMeanOfAnyOther) {
  const Image flat{.h = 30, .w = 50, .pixels = std::vector<uint8_t>(4500, 77)};
  EXPECT_EQ(resize(flat, 7, 11).pixels, std::vector<uint8_t>(231, 77));
  const Image small = resize(test::make_picture(120, 90), 8, 6);
  double sum = 0;
  for (std::size_t i = 0; i < small.pixels.size(); i += 3) sum += small.pixels[i];
  EXPECT_NEAR(sum / 48, 127.5, 2);
}

TEST(Resize, OfItsOwnSizeIsItself) {
  const Image image = test::make_picture(13, 17);
  EXPECT_EQ(resize(image, 13, 17).pixels, image.pixels);
}

TEST(Resize, AveragesAFinePatternInsteadOfPickingPixels) {
  Image checks{.h = 64, .w = 64, .pixels = {}};
  for (int i = 0; i < 64 * 64; ++i) checks.pixels.insert(checks.pixels.end(), 3, (i / 64 + i) % 2 ? 255 : 0);
  for (const uint8_t v : resize(checks, 8, 8).pixels) EXPECT_NEAR(v, 128, 3);
}

// Sums that are rounded on their way would let some ties fall the other way.
TEST(Resize, OfAMirroredPictureIsItsMirrorImage) {
  const auto mirrored = [](const Image& image) {
    Image out = image;
    for (int y = 0; y < image.h; ++y)
      for (int x = 0; x < image.w; ++x)
        for (int c = 0; c < 3; ++c)
          out.pixels[std::size_t((y * image.w + x) * 3 + c)] =
              image.pixels[std::size_t(((image.h - 1 - y) * image.w + image.w - 1 - x) * 3 + c)];
    return out;
  };
  uint32_t state = 1;
  Image noise{.h = 400, .w = 300, .pixels = std::vector<uint8_t>(360000)};
  for (uint8_t& value : noise.pixels) value = uint8_t((state = state * 1664525 + 1013904223) >> 24);
  EXPECT_EQ(resize(mirrored(noise), 160, 120).pixels, mirrored(resize(noise, 160, 120)).pixels);
  EXPECT_EQ(resize(mirrored(noise), 67, 50).pixels, mirrored(resize(noise, 67, 50)).pixels);
}

TEST(Resize, ShortSideKeepsTheAspectRatio) {
  const Image a = resize_to_short_side(test::make_picture(300, 200), 100);
  EXPECT_EQ(std::pair(a.h, a.w), std::pair(150, 100));
  const Image b = resize_to_short_side(test::make_picture(3, 2000), 2);
  EXPECT_EQ(std::pair(b.h, b.w), std::pair(2, 1333));
  const Image c = resize_to_short_side(test::make_picture(30, 20), 0);
  EXPECT_EQ(std::pair(c.h, c.w), std::pair(30, 20));
}

}  // namespace
}  // namespace pc::data
