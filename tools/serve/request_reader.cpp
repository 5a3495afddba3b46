#include "tools/serve/request_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <new>

#include "kernels/base/text.h"
#include "tools/serve/asio.h"
#include "tools/serve/strict_head.h"

// Behind asio.h, whose settings hold for it too.
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <boost/beast/http/string_body.hpp>

namespace pc::serve {

namespace http = boost::beast::http;

struct RequestReader::Parser {
  Parser() { http.on_chunk_header(check_extension); }
  // Extensions mean nothing here; a long one is somebody's attempt.
  std::function<void(uint64_t, boost::beast::string_view, boost::system::error_code&)> check_extension =
      [](uint64_t, boost::beast::string_view extension, boost::system::error_code& error) {
        constexpr std::size_t kMost = 256;
        if (extension.size() > kMost) error = http::error::bad_chunk_extension;
      };
  http::request_parser<http::string_body> http;
};

RequestReader::RequestReader(const ReadLimits& limits) : limits_(limits) {}
RequestReader::~RequestReader() = default;
RequestReader::RequestReader(RequestReader&&) noexcept = default;

void RequestReader::add(std::string_view bytes) {
  bytes_ += bytes;
  if (state_ == State::empty && !bytes_.empty()) state_ = State::head;
  if (state_ == State::head) read_head();
  if (state_ == State::body) read_body();
}

void RequestReader::next() {
  parser_.reset();
  request_ = {};
  checked_ = 0;
  state_ = State::empty;
  add("");
}

void RequestReader::refuse(int status, std::string_view message) {
  refused_ = refusal(status, std::string(message));
  state_ = State::bad;
  parser_.reset();
  bytes_.clear();
}

void RequestReader::read_head() {
  const std::size_t end = bytes_.find("\r\n\r\n", checked_ < 3 ? 0 : checked_ - 3);
  const std::string_view head = std::string_view(bytes_).substr(0, end == bytes_.npos ? end : end + 4);
  checked_ = bytes_.size();
  const std::size_t so_far = head.size() - (head.ends_with('\r') ? 1 : 0);  // that may be half of the line's end
  if (std::min(head.find("\r\n"), so_far) > limits_.line)
    return refuse(414, fmt::format("the request line is longer than {} bytes", limits_.line));
  if (head.size() > limits_.head) return refuse(431, fmt::format("the head is longer than {} bytes", limits_.head));
  const std::string_view fault = end == bytes_.npos ? early_fault(head) : head_fault(head);
  if (!fault.empty()) return refuse(400, fault);
  if (end == bytes_.npos) return;

  parser_ = std::make_unique<Parser>();
  parser_->http.header_limit(uint32_t(limits_.head + 1));
  parser_->http.body_limit(limits_.body);
  boost::system::error_code error;
  parser_->http.put(boost::asio::buffer(head), error);
  if (error == http::error::body_limit)
    return refuse(413, fmt::format("the body is longer than {} bytes", limits_.body));
  if (error) return refuse(400, "the head is not HTTP: " + error.message());
  take_fields();
  bytes_.erase(0, head.size());
  if (request_.fields.size() > limits_.fields)
    return refuse(431, fmt::format("more than {} header fields", limits_.fields));
  state_ = parser_->http.is_done() ? State::done : State::body;
}

// What a trailer adds later is not taken.
void RequestReader::take_fields() {
  const auto& message = parser_->http.get();
  request_.method = std::string(message.method_string());
  const std::string_view target(message.target().data(), message.target().size());
  const std::size_t mark = std::min(target.find('?'), target.size());
  request_.path = target.substr(0, mark);
  if (mark < target.size()) request_.query = target.substr(mark + 1);
  for (const auto& field : message)
    request_.fields.emplace_back(std::string(field.name_string()), std::string(field.value()));
  request_.keep_alive = message.keep_alive() && !http::token_list(message[http::field::connection]).exists("close");
  request_.http_1_0 = message.version() == 10;
  request_.expects_continue = !request_.http_1_0 && equal_ignoring_case(request_.field("Expect"), "100-continue");
}

void RequestReader::read_body() {
  // Beast 1.81 ends the process where the last chunk's line comes without the four bytes that have to follow its "0".
  // No chunked body ends in fewer, so that is what it always gets.
  const std::size_t least = parser_->http.chunked() ? 5 : 1;
  std::size_t taken = 0;
  boost::system::error_code error;
  while (!parser_->http.is_done() && bytes_.size() - taken >= least && !error)
    taken += parser_->http.put(boost::asio::buffer(bytes_.data() + taken, bytes_.size() - taken), error);
  bytes_.erase(0, taken);
  if (error == http::error::body_limit)
    return refuse(413, fmt::format("the body is longer than {} bytes", limits_.body));
  if (error == http::error::buffer_overflow) throw std::bad_alloc();  // as which Beast caught it
  if (error && error != http::error::need_more) return refuse(400, "the body is not HTTP: " + error.message());
  if (!parser_->http.is_done()) {
    // What the parser leaves is a chunk's first line or the trailer.
    if (bytes_.size() > limits_.head) refuse(400, "a chunk's first line or the trailer is too long");
    return;
  }
  request_.body = std::move(parser_->http.get().body());
  state_ = State::done;
}

}  // namespace pc::serve
