// JPEG through libjpeg-turbo: accurate DCT, fancy upsampling, and damage told apart from harmless warnings.
//
// Decoding uses the libjpeg interface and not the TurboJPEG one: it parses the header once, gives codes for warnings
// and a hook between scans, and caps the memory of progressive files. Encoding through TurboJPEG uses the accurate DCT
// too, so that the same pixels give the same bytes on every machine.
#include "data/jpeg.h"

#include <fmt/format.h>
#include <turbojpeg.h>

#include <algorithm>
#include <csetjmp>
#include <cstdio>
#include <memory>
#include <new>
#include <utility>

#include "kernels/base/error.h"

// jpeglib.h needs <cstdio> before it, jerror.h needs jpeglib.h.
// clang-format off
#include <jpeglib.h>
#include <jerror.h>
// clang-format on

namespace pc::data::detail {
namespace {

constexpr int kMaxScans = 100;                   // a progressive file of 8 KB can ask for minutes of work
constexpr long kMaxMemory = 512L * 1024 * 1024;  // of libjpeg itself: coefficients of progressive files

enum class Failure { none, library, scans };

// One decompressor per thread, used again for every image: its tables and pools stay warm.
struct Decoder {
  jpeg_decompress_struct info{};
  jpeg_error_mgr errors{};
  jpeg_progress_mgr progress{};
  jmp_buf escape{};
  Failure failure = Failure::none;
  bool cut_in_scan = false;  // the entropy decoder met a marker before its last pixel and filled the rest with gray
  bool no_end = false;       // the file ends without EOI

  Decoder() {
    info.err = jpeg_std_error(&errors);
    errors.error_exit = [](j_common_ptr c) { of(c)->leave(Failure::library); };
    errors.emit_message = [](j_common_ptr c, int level) {
      if (level >= 0) return;
      ++c->err->num_warnings;
      if (c->err->msg_code == JWRN_HIT_MARKER) of(c)->cut_in_scan = true;
      if (c->err->msg_code == JWRN_JPEG_EOF) of(c)->no_end = true;
    };
    if (setjmp(escape)) throw std::bad_alloc();
    jpeg_create_decompress(&info);
    info.client_data = this;
    info.mem->max_memory_to_use = kMaxMemory;
    info.progress = &progress;
    progress.progress_monitor = [](j_common_ptr c) {
      if (reinterpret_cast<j_decompress_ptr>(c)->input_scan_number > kMaxScans) of(c)->leave(Failure::scans);
    };
  }
  ~Decoder() { jpeg_destroy_decompress(&info); }
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  static Decoder* of(j_common_ptr c) { return static_cast<Decoder*>(c->client_data); }
  // libjpeg's frames are C: they are left by longjmp, never by an exception. Nothing between setjmp and here owns
  // memory.
  [[noreturn]] void leave(Failure why) {
    failure = why;
    longjmp(escape, 1);
  }
  void reset() {
    failure = Failure::none;
    cut_in_scan = no_end = false;
    errors.num_warnings = 0;
    errors.msg_code = 0;
  }
};

// The steps below return false after a longjmp; each has only trivial locals.
bool read_header(Decoder& d, std::span<const std::byte> bytes) {
  if (setjmp(d.escape)) return false;
  jpeg_mem_src(&d.info, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  jpeg_read_header(&d.info, TRUE);
  return true;
}

bool start(Decoder& d) {
  if (setjmp(d.escape)) return false;
  jpeg_start_decompress(&d.info);
  return true;
}

bool read_rows(Decoder& d, uint8_t* out, std::size_t stride) {
  if (setjmp(d.escape)) return false;
  while (d.info.output_scanline < d.info.output_height) {
    constexpr int kRows = 4;  // libjpeg gives no more at a time
    JSAMPROW rows[kRows];
    const int left = int(d.info.output_height - d.info.output_scanline), n = std::min(kRows, left);
    for (int i = 0; i < n; ++i) rows[i] = out + stride * (d.info.output_scanline + std::size_t(i));
    jpeg_read_scanlines(&d.info, rows, JDIMENSION(n));
  }
  return true;
}

[[noreturn]] void fail_decoder(Decoder& d, const std::string& name) {
  char text[JMSG_LENGTH_MAX] = "";
  if (d.failure == Failure::library) d.errors.format_message(reinterpret_cast<j_common_ptr>(&d.info), text);
  const int code = d.errors.msg_code;
  const Failure failure = d.failure;
  const bool cut = d.no_end;
  jpeg_abort_decompress(&d.info);
  if (failure == Failure::scans)
    fail(Exit::limit, fmt::format("{}: JPEG has too many scans (over {})", name, kMaxScans));
  if (code == JERR_OUT_OF_MEMORY) throw std::bad_alloc();
  if (code == JERR_NO_BACKING_STORE) {
    fail(Exit::limit, fmt::format("{}: decoding this JPEG takes more than {} MB", name, kMaxMemory >> 20));
  }
  if (cut) fail(Exit::data, name + ": JPEG is truncated; copy or download it again");
  fail(Exit::data, fmt::format("{}: broken JPEG ({})", name, text));
}

// In a sequential Huffman scan each 8x8 block takes two bits or more, so a header that promises more blocks than the
// file can hold is known to be cut off before its pixels are allocated.
bool too_short(const jpeg_decompress_struct& info, std::size_t bytes) {
  if (info.progressive_mode || info.arith_code) return false;
  int64_t blocks = 0;
  for (int i = 0; i < info.num_components; ++i) {
    const jpeg_component_info& c = info.comp_info[i];
    blocks += int64_t(c.width_in_blocks) * c.height_in_blocks;
  }
  return blocks > int64_t(bytes) * 4;
}

// CMYK as Adobe and Pillow understand it: the file holds the inverted values.
void cmyk_to_rgb(const std::vector<uint8_t>& cmyk, std::vector<uint8_t>& rgb) {
  for (std::size_t i = 0; i < rgb.size() / 3; ++i) {
    const int k = cmyk[4 * i + 3];
    for (std::size_t c = 0; c < 3; ++c) rgb[3 * i + c] = uint8_t((cmyk[4 * i + c] * k + 127) / 255);
  }
}

void choose_scale(jpeg_decompress_struct& info, int min_side) {
  info.scale_num = info.scale_denom = 1;
  if (min_side <= 0) return;
  const int64_t side = std::min(info.image_width, info.image_height);
  for (const int denominator : {2, 4, 8}) {
    if (side / denominator >= 2 * int64_t(min_side)) info.scale_denom = unsigned(denominator);
  }
}

}  // namespace

Raster decode_jpeg(std::span<const std::byte> bytes, const std::string& name, const DecodeSettings& settings) {
  thread_local Decoder d;
  d.reset();
  if (!read_header(d, bytes)) fail_decoder(d, name);
  try {
    check_pixels(name, d.info.image_width, d.info.image_height, settings);
    if (too_short(d.info, bytes.size())) fail(Exit::data, name + ": JPEG is truncated; copy or download it again");
    const bool cmyk = d.info.jpeg_color_space == JCS_CMYK || d.info.jpeg_color_space == JCS_YCCK;
    d.info.out_color_space = cmyk ? JCS_CMYK : JCS_RGB;
    choose_scale(d.info, settings.min_side);
    if (!start(d)) fail_decoder(d, name);

    Raster image{.h = int(d.info.output_height), .w = int(d.info.output_width), .channels = 3, .pixels = {}};
    const std::size_t stride = std::size_t(image.w) * (cmyk ? 4 : 3);
    image.pixels.resize(stride * std::size_t(image.h));
    if (!read_rows(d, image.pixels.data(), stride)) fail_decoder(d, name);
    // A missing EOI alone is harmless, unless whole scans may be missing with it.
    if (d.no_end && (d.cut_in_scan || jpeg_has_multiple_scans(&d.info)))
      fail(Exit::data, name + ": JPEG is truncated; copy or download it again");
    if (d.cut_in_scan)
      fail(Exit::data, name + ": JPEG is damaged (the data of its pixels end too early); copy or download it again");
    jpeg_abort_decompress(&d.info);
    if (cmyk) {
      std::vector<uint8_t> rgb(image.pixels.size() / 4 * 3);
      cmyk_to_rgb(image.pixels, rgb);
      image.pixels = std::move(rgb);
    }
    return image;
  } catch (...) {
    jpeg_abort_decompress(&d.info);
    throw;
  }
}

}  // namespace pc::data::detail

namespace pc::data {

std::vector<std::byte> encode_jpeg(const Image& image, const JpegSettings& settings) {
  const std::unique_ptr<void, int (*)(tjhandle)> encoder(tjInitCompress(), tjDestroy);
  if (!encoder) throw std::bad_alloc();
  unsigned char* jpeg = nullptr;
  unsigned long size = 0;
  const int failed = tjCompress2(encoder.get(), image.pixels.data(), image.w, 0, image.h, TJPF_RGB, &jpeg, &size,
                                 settings.gray ? TJSAMP_GRAY : TJSAMP_420, settings.quality, TJFLAG_ACCURATEDCT);
  const std::unique_ptr<unsigned char, void (*)(unsigned char*)> owner(jpeg, tjFree);
  if (failed) fail_shape(fmt::format("encode_jpeg: {} x {}: {}", image.h, image.w, tjGetErrorStr2(encoder.get())));
  const auto* bytes = reinterpret_cast<const std::byte*>(jpeg);
  return {bytes, bytes + size};
}

}  // namespace pc::data
