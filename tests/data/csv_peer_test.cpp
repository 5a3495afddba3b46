// CSV in both directions against Python's csv: what we write it reads, what it writes we read, whatever the texts hold.
#include <fmt/format.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "data/csv.h"
#include "kernels/base/csv_writer.h"
#include "kernels/base/file.h"
#include "make.h"
#include "tests/support.h"

namespace pc::data {
namespace {

using nlohmann::json;

// Every text of up to three of these pieces.
std::vector<std::string> hostile_texts() {
  const char* pieces[] = {",", ";", "\t", "\"", "\n", "\r", "=", "@", "'", " ", "x", "ü"};
  std::vector<std::string> all{""};
  for (std::size_t from = 0, length = 1; length <= 3; ++length) {
    const std::size_t to = all.size();
    for (; from < to; ++from)
      for (const char* piece : pieces) all.push_back(all[from] + piece);
  }
  return all;
}

class CsvPeer : public testing::Test {
 protected:
  std::string peer(const std::string& arguments, const std::string& input) {
    write_file_atomically(folder_ / "in", input);
    const std::string command =
        fmt::format("/usr/bin/python3 '{}/tests/data/csv_peer.py' {} '{}' <'{}' >'{}'", PC_SOURCE_DIR, arguments,
                    (folder_ / "csv").string(), (folder_ / "in").string(), (folder_ / "out").string());
    EXPECT_EQ(std::system(command.c_str()), 0) << command;
    return read_file(folder_ / "out");
  }
  test::TemporaryFolder folder_;
};

TEST_F(CsvPeer, ReadsWhatWeWrite) {
  const auto texts = hostile_texts();
  std::string csv;
  for (const std::string& text : texts) csv += csv_field(text) + "," + csv_cell(text) + "," + csv_field(text) + "\n";
  write_file_atomically(folder_ / "csv", csv);
  const json rows = json::parse(peer("read", ""));
  ASSERT_EQ(rows.size(), texts.size());
  for (std::size_t i = 0; i < texts.size(); ++i) {
    ASSERT_EQ(rows[i].size(), 3u) << texts[i];
    EXPECT_EQ(rows[i][0], texts[i]);
    EXPECT_EQ(rows[i][2], texts[i]);
    // A spreadsheet would run what begins so, also when it has taken apostrophes off the front.
    const std::size_t first = texts[i].find_first_not_of('\'');
    const bool formula =
        first != std::string::npos && std::string("=+-@\t\r\n").find(texts[i][first]) != std::string::npos;
    const std::string cell = rows[i][1];
    EXPECT_EQ(cell, formula ? "'" + texts[i] : texts[i]);
    EXPECT_EQ(csv_cell_text(cell), texts[i]);
  }
}

TEST_F(CsvPeer, WritesWhatWeRead) {
  json rows{{"name", "n", "other"}};
  const auto texts = hostile_texts();
  for (std::size_t i = 0; i < texts.size(); ++i) rows.push_back({texts[i], i, texts[texts.size() - 1 - i]});
  for (const char* style : {"excel", "unix", "tab", "semicolon", "numbers", "utf-16", "utf-8-sig"}) {
    peer(std::string("write ") + style, rows.dump());
    const std::string csv = read_file(folder_ / "csv");
    CsvReader reader(csv, style);
    EXPECT_EQ(reader.header(), (std::vector<std::string>{"name", "n", "other"})) << style;
    std::vector<std::string_view> fields;
    for (std::size_t i = 0; i < texts.size(); ++i) {
      ASSERT_TRUE(reader.next(fields)) << style << " row " << i;
      EXPECT_EQ(fields[0], texts[i]) << style;
      EXPECT_EQ(fields[1], std::to_string(i)) << style;
      EXPECT_EQ(fields[2], texts[texts.size() - 1 - i]) << style;
    }
    EXPECT_FALSE(reader.next(fields)) << style;
    EXPECT_EQ(reader.repaired(), 0) << style;
  }
}

}  // namespace
}  // namespace pc::data
