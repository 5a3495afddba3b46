#include "tools/serve/multipart.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "kernels/base/error.h"
#include "kernels/base/text.h"
#include "tools/serve/message.h"

namespace pc {
namespace {

constexpr std::size_t kMaxPartHead = 4096, kMaxBoundary = 70, kMaxName = 1024;  // bytes

// The next "; name=value" of `text`, taken from its front; value is a word or a quoted string, in which \" is a quote.
struct Parameter {
  std::string name, value;
};
std::optional<Parameter> next_parameter(std::string_view& text) {
  text = trimmed(text);
  if (!text.starts_with(';')) return std::nullopt;
  text = trimmed(text.substr(1));
  const std::size_t equals = text.find('=');
  if (equals == text.npos) return std::nullopt;
  Parameter parameter{.name = std::string(trimmed(text.substr(0, equals))), .value = ""};
  text.remove_prefix(equals + 1);
  if (!text.starts_with('"')) {
    parameter.value = trimmed(text.substr(0, text.find(';')));
    text.remove_prefix(std::min(text.size(), text.find(';')));
    return parameter;
  }
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '"') {
      text.remove_prefix(i + 1);
      return parameter;
    }
    if (text[i] == '\\' && i + 1 < text.size() && (text[i + 1] == '"' || text[i + 1] == '\\')) ++i;
    parameter.value += text[i];
  }
  return std::nullopt;  // the quote does not end
}

std::optional<std::string> parameter_of(std::string_view text, std::string_view name) {
  text.remove_prefix(std::min(text.size(), text.find(';')));
  while (auto parameter = next_parameter(text))
    if (equal_ignoring_case(parameter->name, name)) return std::move(parameter->value);
  return std::nullopt;
}

std::string boundary_of(std::string_view content_type) {
  if (!equal_ignoring_case(trimmed(content_type.substr(0, content_type.find(';'))), "multipart/form-data"))
    fail(Exit::data, "the form is not multipart/form-data");
  const std::string boundary = parameter_of(content_type, "boundary").value_or("");
  const bool plain = std::all_of(boundary.begin(), boundary.end(), [](char c) { return c > ' ' && c <= '~'; });
  if (boundary.empty() || boundary.size() > kMaxBoundary || !plain)
    fail(Exit::data, "the boundary of the form is absent or broken");
  return boundary;
}

// The file name in the head of a part; nullopt for a plain field.
std::optional<std::string> file_name(std::string_view head) {
  while (!head.empty()) {
    const std::string_view line = head.substr(0, head.find("\r\n"));
    head.remove_prefix(std::min(head.size(), line.size() + 2));
    const std::size_t colon = line.find(':');
    if (colon == line.npos) fail(Exit::data, "a header line of a form part is not NAME: VALUE");
    if (!equal_ignoring_case(line.substr(0, colon), "Content-Disposition")) continue;
    auto name = parameter_of(line.substr(colon + 1), "filename");
    if (name && name->size() > kMaxName) fail(Exit::data, fmt::format("a file name is longer than {} bytes", kMaxName));
    return name;
  }
  return std::nullopt;
}

}  // namespace

std::vector<FormFile> form_files(std::string_view content_type, std::string_view body, std::size_t most) {
  const std::string mark = "--" + boundary_of(content_type), end_of_part = "\r\n" + mark;
  if (!body.starts_with(mark)) fail(Exit::data, "the form does not begin with its boundary");
  body.remove_prefix(mark.size());
  std::vector<FormFile> files;
  for (std::size_t parts = 0; !body.starts_with("--"); ++parts) {
    if (parts == most) fail(Exit::data, fmt::format("the form has more than {} parts", most));
    if (!body.starts_with("\r\n")) fail(Exit::data, "a boundary of the form is not followed by a line's end");
    const std::size_t head = body.substr(0, kMaxPartHead).find("\r\n\r\n");
    if (head == body.npos) fail(Exit::data, "the head of a form part has no end");
    const std::size_t begin = head + 4, end = body.find(end_of_part, begin);
    if (end == body.npos) fail(Exit::data, "a part of the form has no end: the form is truncated");
    const std::string_view lines = head < 2 ? "" : body.substr(2, head - 2);
    if (auto name = file_name(lines))
      files.push_back({.name = std::move(*name), .bytes = body.substr(begin, end - begin)});
    body.remove_prefix(end + end_of_part.size());
  }
  return files;
}

}  // namespace pc
