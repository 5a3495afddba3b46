#include "kernels/base/csv_writer.h"

namespace pc {
namespace {

// For a spreadsheet, or once it has taken an apostrophe away.
bool is_formula(std::string_view text) {
  const std::size_t first = text.find_first_not_of('\'');
  return first != text.npos && std::string_view("=+-@\t\r\n").find(text[first]) != std::string_view::npos;
}

}  // namespace

std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\n\r") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

std::string csv_cell(const std::string& text) { return csv_field(is_formula(text) ? "'" + text : text); }

std::string_view csv_cell_text(std::string_view field) {
  return field.starts_with('\'') && is_formula(field) ? field.substr(1) : field;
}

}  // namespace pc
