// Fields of comma-separated files as they are written (RFC 4180).
#pragma once

#include <string>
#include <string_view>

namespace pc {

// The field as a reader gets it back: in quotes where it holds a comma, a quote or a line break.
std::string csv_field(const std::string& text);

// The same for a table that people open in a spreadsheet: what would be a formula there ("=1+1"), behind any number of
// apostrophes, gets one more in front.
std::string csv_cell(const std::string& text);

// The text of a field that csv_cell wrote, as a reader of fields returns it.
std::string_view csv_cell_text(std::string_view field);

}  // namespace pc
