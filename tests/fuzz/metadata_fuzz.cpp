// Where image files say which way up they are: EXIF and XMP by themselves, and within JPEG, PNG and WebP.
#include "data/exif.h"
#include "data/metadata.h"
#include "data/orientation.h"
#include "data/xmp.h"
#include "tests/fuzz/target.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  using namespace pc::data;
  return pc::fuzz::expect_answer(size, [=] {
    const std::string_view text = pc::fuzz::as_text(data, size);
    const auto exif = detail::exif_orientation(text), xmp = detail::xmp_orientation(text);
    pc::fuzz::expect(!exif || (*exif >= 0 && *exif <= 8), "a tag of EXIF");
    pc::fuzz::expect(!xmp || (*xmp >= 0 && *xmp <= 9), "a digit of XMP");
    const auto bytes = std::as_bytes(std::span(data, size));
    const detail::Metadata metadata = detail::read_metadata(bytes, sniff(bytes));
    pc::fuzz::expect(metadata.exif.size() + metadata.xmp.size() <= 2 * (size + (std::size_t(1) << 20)),
                     "a bound on texts");
    const int orientation = detail::image_orientation(bytes, sniff(bytes));
    pc::fuzz::expect(orientation >= 1 && orientation <= 8, "an orientation");
  });
}
