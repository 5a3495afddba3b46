// GIF through stb_image, compiled here and nowhere else, with nothing else of it compiled in.
#include "data/gif.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wall"
#pragma GCC diagnostic ignored "-Wextra"
#pragma GCC diagnostic ignored "-Wunused-function"
#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_ONLY_GIF
#define STBI_NO_STDIO
#include <stb_image.h>
#pragma GCC diagnostic pop

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <memory>
#include <new>

#include "kernels/base/error.h"

namespace pc::data::detail {
namespace {

using Bytes = std::span<const std::byte>;

// The first frame and all that stands before it.
struct FirstFrame {
  int x = 0, y = 0, w = 0, h = 0;  // on the canvas
  int canvas_w = 0, canvas_h = 0;  // at least what the frame needs
  bool transparent = false;        // some color of it is
  std::size_t packed_bytes = 0;    // of its pixels
  std::size_t end = 0;             // behind it in the file; 0: the file ends before
};

class Reader {
 public:
  explicit Reader(Bytes bytes) : bytes_(bytes) {}
  bool ended() const { return at_ > bytes_.size(); }
  std::size_t at() const { return at_; }
  int byte() { return at_ < bytes_.size() ? std::to_integer<int>(bytes_[at_++]) : (at_ = bytes_.size() + 1, 0); }
  int u16() {
    const int low = byte();
    return low | byte() << 8;
  }
  void skip(std::size_t bytes) { at_ = std::min(at_ + bytes, bytes_.size() + 1); }
  // The blocks up to an empty one; returns the bytes in them.
  std::size_t skip_blocks() {
    std::size_t sum = 0;
    for (int size; (size = byte()) > 0; sum += std::size_t(size)) skip(std::size_t(size));
    return sum;
  }

 private:
  Bytes bytes_;
  std::size_t at_ = 0;
};

std::size_t table_bytes(int flags) { return flags & 0x80 ? std::size_t(3) << ((flags & 7) + 1) : 0; }

FirstFrame first_frame(Bytes bytes) {
  FirstFrame frame;
  Reader in(bytes);
  in.skip(6);  // "GIF89a"
  frame.canvas_w = in.u16(), frame.canvas_h = in.u16();
  const int flags = in.byte();
  in.skip(2 + table_bytes(flags));  // background color, aspect ratio
  while (!in.ended()) {
    const int kind = in.byte();
    if (kind == 0x21) {  // extension
      const bool control = in.byte() == 0xf9;
      if (control) {
        Reader ahead = in;
        if (ahead.byte() == 4) frame.transparent = ahead.byte() & 1;
      }
      in.skip_blocks();
    } else if (kind == 0x2c) {
      frame.x = in.u16(), frame.y = in.u16(), frame.w = in.u16(), frame.h = in.u16();
      in.skip(table_bytes(in.byte()) + 1);  // and the size of the first codes
      frame.packed_bytes = in.skip_blocks();
      frame.end = in.ended() ? 0 : in.at();
      frame.canvas_w = std::max(frame.canvas_w, frame.x + frame.w);
      frame.canvas_h = std::max(frame.canvas_h, frame.y + frame.h);
      break;
    } else {
      break;
    }
  }
  return frame;
}

// The file up to the end of its first frame, on a canvas that is large enough.
std::vector<unsigned char> alone(Bytes bytes, const FirstFrame& frame) {
  const auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
  std::vector<unsigned char> file(data, data + frame.end);
  file.push_back(0x3b);
  for (const auto& [at, value] : {std::pair(6, frame.canvas_w), std::pair(8, frame.canvas_h)}) {
    file[std::size_t(at)] = static_cast<unsigned char>(value);
    file[std::size_t(at) + 1] = static_cast<unsigned char>(value >> 8);
  }
  return file;
}

void clear_around(const FirstFrame& frame, Raster& image) {
  for (int y = 0; y < image.h; ++y)
    for (int x = 0; x < image.w; ++x) {
      if (y >= frame.y && y < frame.y + frame.h && x >= frame.x && x < frame.x + frame.w) continue;
      std::fill_n(&image.pixels[(std::size_t(y) * std::size_t(image.w) + std::size_t(x)) * 4], 4, uint8_t(0));
    }
}

}  // namespace

PlainHeader gif_header(Bytes bytes) {
  const FirstFrame frame = first_frame(bytes);
  return {.h = frame.canvas_h, .w = frame.canvas_w, .channels = frame.transparent ? 4 : 3};
}

Raster decode_gif(Bytes bytes, const std::string& name, const DecodeSettings& settings) {
  const FirstFrame frame = first_frame(bytes);
  // A code of 12 bits stands for less than 4096 pixels.
  if (frame.end == 0 || int64_t(frame.w) * frame.h > int64_t(frame.packed_bytes) * 4096)
    fail(Exit::data, name + ": GIF is truncated; copy or download it again");
  check_pixels(name, frame.canvas_w, frame.canvas_h, settings);
  const std::vector<unsigned char> file = alone(bytes, frame);
  if (file.size() > std::size_t(std::numeric_limits<int>::max())) fail(Exit::limit, name + ": larger than 2 GB");
  int w = 0, h = 0, channels = 0;
  const std::unique_ptr<unsigned char, void (*)(void*)> pixels(
      stbi_load_from_memory(file.data(), int(file.size()), &w, &h, &channels, 4), stbi_image_free);
  if (!pixels && std::strcmp(stbi_failure_reason(), "outofmem") == 0) throw std::bad_alloc();
  if (!pixels) fail(Exit::data, fmt::format("{}: broken GIF ({})", name, stbi_failure_reason()));
  Raster image{.h = h, .w = w, .channels = 4, .pixels = {}};
  image.pixels.assign(pixels.get(), pixels.get() + std::size_t(w) * std::size_t(h) * 4);
  clear_around(frame, image);
  return image;
}

}  // namespace pc::data::detail
