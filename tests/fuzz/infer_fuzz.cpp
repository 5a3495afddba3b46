// The body of KServe inference requests by itself: what is read is what its shape says. A byte 0x1e, which no JSON holds,
// separates the JSON from the binary tensors.
#include "tests/fuzz/target.h"
#include "tools/serve/infer_request.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  return pc::fuzz::expect_answer(size, [=] {
    const std::string_view text = pc::fuzz::as_text(data, size);
    const std::size_t cut = std::min(text.find('\x1e'), size), binary = std::min(cut + 1, size);
    const pc::serve::InferRequest request =
        pc::serve::parse_infer_request(text.substr(0, cut), 16, text.substr(binary));
    const std::size_t pictures = request.images.size() + request.files.size();
    pc::fuzz::expect(pictures >= 1 && pictures <= 16, "1 … 16 pictures");
    pc::fuzz::expect(request.images.empty() || request.files.empty(), "one input");
    for (const pc::data::Image& image : request.images)
      pc::fuzz::expect(image.pixels.size() == std::size_t(image.h) * std::size_t(image.w) * 3, "h x w x 3 bytes");
    for (const auto& file : request.files) pc::fuzz::expect(file.size() <= size, "no file grows");
  });
}
