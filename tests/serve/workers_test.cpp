// Workers: in the order of turns, and whatever a task throws. Pictures: what they may take.
#include "tools/serve/workers.h"

#include <gtest/gtest.h>

#include <future>
#include <numeric>

#include "data/jpeg.h"
#include "data/png.h"
#include "kernels/base/error.h"
#include "kernels/base/file.h"
#include "tests/support.h"
#include "tools/serve/pictures.h"

namespace pc::serve {
namespace {

using namespace std::chrono_literals;

TEST(Workers, ShortRequestsOvertakeLongOnesThatCameBeforeThem) {
  const auto now = Turn::Clock::now();
  std::vector<std::string> done;
  {
    Workers workers(1);
    std::promise<void> go;
    workers.post({}, [&] { go.get_future().wait(); });
    const auto post = [&](const char* name, Turn turn) { workers.post(turn, [&done, name] { done.push_back(name); }); };
    for (const char* name : {"long 1", "long 2"}) post(name, Turn::of(now, 100'000'000));
    post("short", Turn::of(now + 1s, 1'000'000));
    post("shorter", Turn::of(now + 1s, 1000));
    post("late", Turn::of(now + 11s, 0));  // no request waits for ever
    go.set_value();
  }
  EXPECT_EQ(done, (std::vector<std::string>{"shorter", "short", "long 1", "long 2", "late"}));
}

TEST(Workers, WhatATaskThrowsEndsItAlone) {
  std::atomic<int> done = 0;
  {
    Workers workers(2);
    for (int i = 0; i < 10; ++i)
      workers.post({}, [&done, i] {
        if (i % 2) throw std::bad_alloc();
        ++done;
      });
  }
  EXPECT_EQ(done, 5);
}

std::vector<std::byte> golden(const char* name) {
  const std::string text = read_file(PC_SOURCE_DIR "/tests/data/golden/" + std::string(name));
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

TEST(Pictures, CountThePixelsOfTheirHeader) {
  const data::Image image{.h = 20, .w = 30, .pixels = std::vector<uint8_t>(1800)};
  const auto pixels = [](const std::vector<std::byte>& bytes) { return web_picture(bytes, "a", {}, nullptr).pixels; };
  EXPECT_EQ(pixels(data::encode_png(image)), 600);
  EXPECT_EQ(pixels(data::encode_jpeg(image)), 600);
  const std::vector<std::byte> webp = golden("alpha.webp");
  const data::Image decoded = web_picture(webp, "a", {}, nullptr).decode();
  EXPECT_EQ(pixels(webp), int64_t(decoded.h) * decoded.w);
  // What no decoder is reached for, or is refused by its header, costs nothing.
  EXPECT_EQ(pixels({}), 0);
  EXPECT_EQ(pixels(golden("picture.gif")), 0);
  std::vector<std::byte> huge = data::encode_png(image);
  for (std::size_t at = 16; at < 24; ++at) huge[at] = std::byte{0x7f};
  EXPECT_EQ(pixels(huge), 0);
  EXPECT_THROW(web_picture(huge, "a", {}, nullptr).decode(), Error);
}

// A header that only the decoder understands must not smuggle pixels in: bytes between two markers of a JPEG are skipped.
TEST(Pictures, TakeNoMorePixelsThanTheyCount) {
  const data::Image image{.h = 20, .w = 30, .pixels = std::vector<uint8_t>(1800)};
  std::vector<std::byte> jpeg = data::encode_jpeg(image);
  jpeg.insert(jpeg.begin() + 2, {std::byte{0}, std::byte{0}});
  const Picture odd = web_picture(jpeg, "a", {}, nullptr);
  EXPECT_TRUE(odd.pixels == kMaxPixels || odd.pixels == 0) << odd.pixels;
}

TEST(Pictures, ARequestHasABudget) {
  std::vector<Picture> pictures(5, {.name = "a", .pixels = 40'000'000, .decode = [] { return data::Image{}; }});
  pictures[3].pixels = 1000;
  limit_pixels(pictures);
  EXPECT_EQ(pixels_of(pictures), (std::vector<int64_t>{40'000'000, 40'000'000, 0, 1000, 0}));
  EXPECT_NO_THROW(pictures[3].decode());
  for (const std::size_t i : {2, 4})
    EXPECT_EQ(test::error_of([&] { pictures[i].decode(); }),
              "6: a: the images of the request exceed 100 Mpixel together; send them one by one");
}

}  // namespace
}  // namespace pc::serve
