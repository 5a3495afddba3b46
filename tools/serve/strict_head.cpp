#include "tools/serve/strict_head.h"

#include <algorithm>
#include <string>

#include "kernels/base/text.h"
#include "tools/serve/message.h"

namespace pc::serve {
namespace {

bool is_token(std::string_view text) {  // RFC 9110, 5.6.2
  return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           std::string_view("!#$%&'*+-.^_`|~").find(char(c)) != std::string_view::npos;
  });
}

bool is_number(std::string_view text) {
  return !text.empty() && text.size() <= 18 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// Removes the first line, without its CRLF, from `text`.
std::string_view next_line(std::string_view& text) {
  const std::string_view line = text.substr(0, text.find("\r\n"));
  text.remove_prefix(std::min(text.size(), line.size() + 2));
  return line;
}

struct RequestLine {
  std::string_view method, target, version;
};

std::string_view line_fault(std::string_view line, RequestLine& parts) {
  const std::size_t first = line.find(' '), last = line.rfind(' ');
  if (first == line.npos || first == last) return "the request line is not METHOD TARGET VERSION";
  parts = {line.substr(0, first), line.substr(first + 1, last - first - 1), line.substr(last + 1)};
  if (!is_token(parts.method)) return "the method is not a word";
  if (!parts.target.starts_with('/')) return "the target does not begin with /";
  for (const unsigned char c : parts.target)
    if (c <= ' ' || c >= 0x7f || c == '#') return "a character of the target has to be percent-encoded";
  if (parts.version != "HTTP/1.1" && parts.version != "HTTP/1.0") return "the version is neither HTTP/1.1 nor HTTP/1.0";
  return "";
}

// How often the fields that frame the request occur.
struct Framing {
  int hosts = 0, lengths = 0, encodings = 0;
};

std::string_view field_fault(std::string_view line, Framing& framing) {
  const std::size_t colon = line.find(':');
  if (line.front() == ' ' || line.front() == '\t') return "a header line is folded";
  if (colon == line.npos || !is_token(line.substr(0, colon))) return "a header field is not NAME: VALUE";
  const std::string_view name = line.substr(0, colon), value = trimmed(line.substr(colon + 1));
  if (equal_ignoring_case(name, "Host")) ++framing.hosts;
  if (equal_ignoring_case(name, "Content-Length")) {
    ++framing.lengths;
    if (!is_number(value)) return "Content-Length is not a number";
  }
  if (equal_ignoring_case(name, "Transfer-Encoding")) {
    ++framing.encodings;
    if (!equal_ignoring_case(value, "chunked")) return "the only Transfer-Encoding taken is chunked";
  }
  return "";
}

std::string_view framing_fault(const Framing& framing, const RequestLine& line) {
  if (framing.hosts > 1 || (framing.hosts == 0 && line.version == "HTTP/1.1")) return "there has to be one Host field";
  if (framing.lengths > 1) return "there are several Content-Length fields";
  if (framing.encodings > 1) return "there are several Transfer-Encoding fields";
  if (framing.encodings && framing.lengths) return "both Content-Length and Transfer-Encoding";
  if (framing.encodings && line.version == "HTTP/1.0") return "HTTP/1.0 has no Transfer-Encoding";
  return "";
}

}  // namespace

std::string_view early_fault(std::string_view bytes) {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const auto c = static_cast<unsigned char>(bytes[i]);
    if (c == '\n' && (i == 0 || bytes[i - 1] != '\r')) return "a line does not end in CR LF";
    if (c == '\r' && i + 1 < bytes.size() && bytes[i + 1] != '\n') return "a CR without LF";
    if (c == 0x7f || (c < 0x20 && c != '\t' && c != '\r' && c != '\n')) return "a control character in the head";
  }
  return bytes.starts_with('\r') ? "an empty line in place of the request line" : "";
}

std::string_view head_fault(std::string_view head) {
  if (const auto fault = early_fault(head); !fault.empty()) return fault;
  RequestLine line;
  if (const auto fault = line_fault(next_line(head), line); !fault.empty()) return fault;
  Framing framing;
  for (std::string_view field; !(field = next_line(head)).empty();)
    if (const auto fault = field_fault(field, framing); !fault.empty()) return fault;
  return framing_fault(framing, line);
}

}  // namespace pc::serve
