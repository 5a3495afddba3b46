// Requests from the bytes of a connection: strict heads, Beast's parser, forms and tensors in their bodies. The same
// requests come out however the bytes are cut.
#include <string>
#include <vector>

#include "kernels/base/error.h"
#include "tests/fuzz/target.h"
#include "tools/serve/access.h"
#include "tools/serve/infer_request.h"
#include "tools/serve/multipart.h"
#include "tools/serve/request_reader.h"

namespace {

constexpr pc::serve::ReadLimits kLimits{.line = 256, .head = 1024, .fields = 16, .body = 2048};
using State = pc::serve::RequestReader::State;

void read_body(const pc::serve::Request& request) {
  try {
    const std::string type(request.field("Content-Type"));
    for (const pc::serve::FormFile& file : pc::serve::form_files(type, request.body, 8)) {
      pc::fuzz::expect(file.bytes.size() <= request.body.size(), "a file lies in the body");
      pc::fuzz::touch(std::as_bytes(std::span(file.bytes)));
    }
  } catch (const pc::Error&) {
  }
  try {
    const pc::serve::InferRequest infer = pc::serve::parse_infer_request(request.body, 8);
    pc::fuzz::expect(infer.images.size() + infer.files.size() > 0, "a request has pictures");
    for (const pc::data::Image& image : infer.images)
      pc::fuzz::expect(image.pixels.size() == std::size_t(image.h) * std::size_t(image.w) * 3, "h x w x 3 bytes");
  } catch (const pc::Error&) {
  }
}

// Every request, then the refusal: which of two faults is named first depends on the cuts.
std::vector<std::string> read(std::string_view bytes, std::size_t step) {
  pc::serve::RequestReader reader(kLimits);
  std::vector<std::string> all;
  for (std::size_t at = 0; at < bytes.size() && reader.state() != State::bad; at += step) {
    reader.add(bytes.substr(at, step));
    for (; reader.state() == State::done; reader.next()) {
      pc::serve::Request& request = reader.request();
      pc::fuzz::expect(request.fields.size() <= kLimits.fields && request.body.size() <= kLimits.body, "the limits");
      pc::fuzz::expect(request.path.starts_with('/'), "the path");
      pc::serve::refuse_access({.hosts = {"localhost"}, .origins = {}, .token = "x"}, request, pc::serve::Guard::token);
      if (step >= bytes.size()) read_body(request);
      all.push_back(request.method + ' ' + request.path + '?' + request.query + ' ' + request.body);
    }
  }
  if (reader.state() == State::bad) all.push_back("refused");
  return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  return pc::fuzz::expect_answer(size, [=] {
    const std::string_view text = pc::fuzz::as_text(data, size);
    const std::size_t step = 1 + size % 13 + size / 128;  // long inputs in larger pieces, to be done sooner
    const auto whole = read(text, std::max<std::size_t>(1, size)), cut = read(text, step);
    pc::fuzz::expect(whole.size() == cut.size(), "as many requests, however the bytes are cut");
    pc::fuzz::expect(whole == cut, "the same requests, however the bytes are cut");
  });
}
