// JPEG writing through TurboJPEG: the accurate DCT, so that the same pixels give the same bytes on every machine.
#include <fmt/format.h>
#include <turbojpeg.h>

#include <memory>
#include <new>

#include "data/image.h"
#include "kernels/base/error.h"

namespace pc {

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

}  // namespace pc
