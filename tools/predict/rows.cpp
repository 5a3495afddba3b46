#include "tools/predict/rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "kernels/base/csv_writer.h"
#include "kernels/base/error.h"
#include "tools/cli/json.h"
#include "tools/predict/status.h"

namespace pc::predict {
namespace {

// The columns of every CSV: see csv_header().
constexpr std::size_t kFile = 0, kStatus = 1, kVerdict = 3;

bool is_passing(const std::string& status) {
  return status == status_of(Exit::file) || status == status_of(Exit::limit);
}

}  // namespace

std::string row_name(RowFormat format, const std::string& file) {
  if (format == RowFormat::json) return nlohmann::json::parse(cli::one_line(file)).get<std::string>();
  const std::string row = csv_cell(file) + "\n";
  RowReader reader(row, format, "");
  std::vector<std::string> fields;
  reader.header(fields);
  return fields.front();
}

void RowReader::fail_row() const {
  fail(Exit::data, fmt::format("{}:{}: not a row that pcpredict writes; correct or remove it", name_, row_line_));
}

// Of the row that begins at at_. A quote opens a field only at its beginning.
bool RowReader::fields(std::vector<std::string>& all) {
  all.assign(1, "");
  row_line_ = line_;
  bool quoted = false, begins = true;
  for (std::size_t i = at_; i < text_.size(); ++i) {
    const char c = text_[i];
    if (c == '\n') ++line_;
    if (quoted && c == '"' && i + 1 < text_.size() && text_[i + 1] == '"') {
      all.back() += text_[++i];
    } else if (c == '"' && (quoted || begins)) {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      all.emplace_back();
      begins = true;
      continue;
    } else if (c == '\n' && !quoted) {
      at_ = i + 1;
      if (all.back().ends_with('\r')) all.back().pop_back();
      return true;
    } else {
      all.back() += c;
    }
    begins = false;
  }
  return false;
}

bool RowReader::header(std::vector<std::string>& all) {
  if (at_ == 0 && text_.starts_with("\xef\xbb\xbf")) at_ = 3;  // the mark of a spreadsheet
  if (fields(all)) return true;
  at_ = 0;
  return false;
}

bool RowReader::csv(Row& row) {
  std::vector<std::string> all;
  if (!fields(all)) return false;
  const bool blank = all.size() == 1 && all.front().empty();
  if (!blank && (all.size() <= kVerdict || all[kFile].empty())) fail_row();
  if (!blank && text_.substr(row.begin, at_ - row.begin).find('\0') != text_.npos) fail_row();
  row.name = all[kFile];
  if (blank) return row.answered = true;
  row.passing_error = is_passing(all[kStatus]);
  row.answered = all[kStatus] == status_of(Exit::ok) ||
                 std::any_of(all.begin() + kVerdict, all.end(), [](const auto& field) { return !field.empty(); });
  return true;
}

bool RowReader::json(Row& row) {
  const std::size_t end = text_.find('\n', at_);
  if (end == text_.npos) return false;
  const std::string_view line = text_.substr(at_, end - at_);
  row_line_ = line_++;
  at_ = end + 1;
  if (line.find_first_not_of(" \t\r") == line.npos) return row.answered = true;
  const auto object = nlohmann::json::parse(line, nullptr, false);
  const auto text_at = [&](const char* key) {
    const auto found = object.is_object() ? object.find(key) : object.end();
    if (!object.is_object() || found == object.end() || !found->is_string()) fail_row();
    return found->get<std::string>();
  };
  const std::string status = text_at("status");
  row.name = text_at("file");
  if (row.name.empty()) fail_row();
  row.passing_error = is_passing(status);
  row.answered = status == status_of(Exit::ok) || object.contains("heads");
  return true;
}

bool RowReader::next(Row& row) {
  row = {.begin = at_};
  if (!(format_ == RowFormat::csv ? csv(row) : json(row))) return false;
  row.length = at_ - row.begin;
  return true;
}

}  // namespace pc::predict
