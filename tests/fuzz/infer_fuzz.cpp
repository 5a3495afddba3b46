// The JSON of KServe inference requests by itself: what is read is what its shape says.
#include "tests/fuzz/target.h"
#include "tools/serve/infer_request.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  return pc::fuzz::expect_answer(size, [=] {
    const pc::serve::InferRequest request = pc::serve::parse_infer_request(pc::fuzz::as_text(data, size), 16);
    const std::size_t pictures = request.images.size() + request.files.size();
    pc::fuzz::expect(pictures >= 1 && pictures <= 16, "1 … 16 pictures");
    pc::fuzz::expect(request.images.empty() || request.files.empty(), "one input");
    for (const pc::data::Image& image : request.images)
      pc::fuzz::expect(image.pixels.size() == std::size_t(image.h) * std::size_t(image.w) * 3, "h x w x 3 bytes");
    for (const auto& file : request.files) pc::fuzz::expect(file.size() <= size, "no file grows");
  });
}
