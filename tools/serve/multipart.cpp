#include "tools/serve/multipart.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "kernels/base/error.h"
#include "kernels/base/text.h"
#include "tools/serve/message.h"

namespace pc::serve {
namespace {

constexpr std::size_t kMaxPartHead = 4096, kMaxBoundary = 70, kMaxName = 1024;  // bytes

using Parameters = std::vector<std::pair<std::string, std::string>>;

// The word or quoted string, in which \" is a quote, at the front of `text`, from which it is removed. nullopt: a quote
// does not end.
std::optional<std::string> next_value(std::string_view& text) {
  if (!text.starts_with('"')) {
    const std::string_view word = text.substr(0, text.find(';'));
    text.remove_prefix(word.size());
    return std::string(trimmed(word));
  }
  std::string value;
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '"') {
      text.remove_prefix(i + 1);
      return value;
    }
    if (text[i] == '\\' && i + 1 < text.size() && (text[i + 1] == '"' || text[i + 1] == '\\')) ++i;
    value += text[i];
  }
  return std::nullopt;
}

// Those of "form-data; name=x; filename=\"y\"". nullopt for anything else.
std::optional<Parameters> parameters_of(std::string_view text) {
  Parameters parameters;
  text.remove_prefix(std::min(text.size(), text.find(';')));
  while (!(text = trimmed(text)).empty()) {
    if (!text.starts_with(';')) return std::nullopt;
    text = trimmed(text.substr(1));
    if (text.empty()) break;
    const std::size_t equals = text.find('=');
    if (equals == text.npos) return std::nullopt;
    std::string name(trimmed(text.substr(0, equals)));
    text = trimmed(text.substr(equals + 1));
    auto value = next_value(text);
    if (!value) return std::nullopt;
    parameters.emplace_back(std::move(name), std::move(*value));
  }
  return parameters;
}

std::optional<std::string> find(const Parameters& parameters, std::string_view name) {
  for (const auto& [key, value] : parameters)
    if (equal_ignoring_case(key, name)) return value;
  return std::nullopt;
}

std::string boundary_of(std::string_view content_type) {
  if (!equal_ignoring_case(trimmed(content_type.substr(0, content_type.find(';'))), "multipart/form-data"))
    fail(Exit::data, "the form is not multipart/form-data");
  const std::string boundary = find(parameters_of(content_type).value_or(Parameters()), "boundary").value_or("");
  const bool plain = std::all_of(boundary.begin(), boundary.end(), [](char c) { return c > ' ' && c <= '~'; });
  if (boundary.empty() || boundary.size() > kMaxBoundary || !plain)
    fail(Exit::data, "the boundary of the form is absent or broken");
  return boundary;
}

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string bytes;
  for (std::size_t i = 0; i < text.size(); ++i) {
    uint8_t byte = uint8_t(text[i]);
    if (text[i] == '%') {
      if (i + 2 >= text.size()) return std::nullopt;
      const auto [end, error] = std::from_chars(text.data() + i + 1, text.data() + i + 3, byte, 16);
      if (error != std::errc() || end != text.data() + i + 3) return std::nullopt;
      i += 2;
    }
    bytes += char(byte);
  }
  return bytes;
}

// "utf-8'en'%E2%82%AC.jpg" (RFC 5987: UTF-8 and ISO-8859-1) in UTF-8.
std::optional<std::string> extended_value(std::string_view text) {
  const std::size_t first = text.find('\''), second = first == text.npos ? first : text.find('\'', first + 1);
  if (second == text.npos) return std::nullopt;
  const std::string_view charset = text.substr(0, first);
  const auto bytes = percent_decoded(text.substr(second + 1));
  if (!bytes) return std::nullopt;
  if (equal_ignoring_case(charset, "UTF-8")) return is_utf8(*bytes) ? bytes : std::nullopt;
  if (!equal_ignoring_case(charset, "ISO-8859-1")) return std::nullopt;
  std::string utf8;
  for (const char c : *bytes) {
    const auto code = uint8_t(c);
    if (code >= 0x80) utf8 += char(0xc0 | code >> 6);
    utf8 += code < 0x80 ? c : char(0x80 | (code & 0x3f));
  }
  return utf8;
}

// The fields of a part's head that say what it is.
struct PartHead {
  std::optional<std::string_view> disposition;
  std::string_view type, encoding;
};

PartHead read_head(std::string_view lines) {
  PartHead head;
  while (!lines.empty()) {
    const std::string_view line = lines.substr(0, lines.find("\r\n"));
    lines.remove_prefix(std::min(lines.size(), line.size() + 2));
    const std::size_t colon = line.find(':');
    if (colon == line.npos) fail(Exit::data, "a header line of a form part is not NAME: VALUE");
    const std::string_view name = line.substr(0, colon), value = trimmed(line.substr(colon + 1));
    if (equal_ignoring_case(name, "Content-Disposition") && !head.disposition) head.disposition = value;
    if (equal_ignoring_case(name, "Content-Type")) head.type = value;
    if (equal_ignoring_case(name, "Content-Transfer-Encoding")) head.encoding = value;
  }
  return head;
}

bool is_plain(std::string_view encoding) {
  const auto plain = {"", "binary", "8bit", "7bit"};
  return std::any_of(plain.begin(), plain.end(), [&](const char* p) { return equal_ignoring_case(encoding, p); });
}

// Whether a part without a file name is one all the same: by its type, which texts lack.
bool has_type_of_file(std::string_view type) {
  return !type.empty() && !equal_ignoring_case(type.substr(0, 5), "text/");
}

// The name of the file that a part is. Throws where it is none.
std::string file_name(const PartHead& head) {
  if (!head.disposition) fail(Exit::data, "a form part has no Content-Disposition");
  const auto parameters = parameters_of(*head.disposition);
  if (!parameters)
    fail(Exit::data, fmt::format("the Content-Disposition of a form part is broken: {}", printable(*head.disposition)));
  if (!is_plain(head.encoding))
    fail(Exit::data,
         fmt::format("the Content-Transfer-Encoding of a form part is {}; send it as it is", printable(head.encoding)));
  if (const auto extended = find(*parameters, "filename*")) {
    auto name = extended_value(*extended);
    if (!name)
      fail(Exit::data, fmt::format("the filename* of a form part is not UTF-8''NAME: {}", printable(*extended)));
    return *name;
  }
  if (auto name = find(*parameters, "filename")) return *name;
  const std::string field = find(*parameters, "name").value_or("");
  if (!has_type_of_file(head.type))
    fail(
        Exit::data,
        fmt::format(
            "the form field \"{}\" is not a file: it has no filename; parameters belong in the query: /v1/predict?{}=…",
            printable(field), printable(field)));
  return field;
}

}  // namespace

std::vector<FormFile> form_files(std::string_view content_type, std::string_view body, std::size_t most) {
  const std::string mark = "--" + boundary_of(content_type), end_of_part = "\r\n" + mark;
  if (!body.starts_with(mark)) fail(Exit::data, "the form does not begin with its boundary");
  body.remove_prefix(mark.size());
  std::vector<FormFile> files;
  while (!body.starts_with("--")) {
    if (files.size() == most) fail(Exit::data, fmt::format("the form has more than {} parts", most));
    if (!body.starts_with("\r\n")) fail(Exit::data, "a boundary of the form is not followed by a line's end");
    const std::size_t head = body.substr(0, kMaxPartHead).find("\r\n\r\n");
    if (head == body.npos) fail(Exit::data, "the head of a form part has no end");
    const std::size_t begin = head + 4, end = body.find(end_of_part, begin);
    if (end == body.npos) fail(Exit::data, "a part of the form has no end: the form is truncated");
    std::string name = file_name(read_head(head < 2 ? "" : body.substr(2, head - 2)));
    if (name.size() > kMaxName) fail(Exit::data, fmt::format("a file name is longer than {} bytes", kMaxName));
    files.push_back({.name = std::move(name), .bytes = body.substr(begin, end - begin)});
    body.remove_prefix(end + end_of_part.size());
  }
  return files;
}

}  // namespace pc::serve
