// Forms by themselves: the first line of the input is the Content-Type, the rest the body.
#include "tests/fuzz/target.h"
#include "tools/serve/multipart.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  return pc::fuzz::expect_answer(size, [=] {
    const std::string_view text = pc::fuzz::as_text(data, size), type = text.substr(0, text.find('\n'));
    const std::string_view body = text.substr(std::min(text.size(), type.size() + 1));
    std::size_t bytes = 0;
    for (const pc::serve::FormFile& file : pc::serve::form_files(type, body, 8)) {
      bytes += file.bytes.size();
      pc::fuzz::touch(std::as_bytes(std::span(file.bytes)));
    }
    pc::fuzz::expect(bytes <= body.size(), "the files are parts of the body");
  });
}
