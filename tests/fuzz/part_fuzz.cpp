// What an interrupted download left: a byte that says how long FILE.part is, then the text of FILE.part.json.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/fuzz/target.h"
#include "tools/fetch/part_file.h"

namespace {

using pc::fuzz::expect;

void fill(const std::filesystem::path& file, std::string_view text) {
  std::ofstream(file, std::ios::binary).write(text.data(), std::streamsize(text.size()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  static const pc::fuzz::Folder folder;
  std::string_view text = pc::fuzz::as_text(data, size);
  const std::size_t bytes = text.empty() ? 0 : uint8_t(text[0]);
  fill(folder / "set.zip.part", std::string(bytes, 'x'));
  fill(folder / "set.zip.part.json", text.substr(text.empty() ? 0 : 1));
  return pc::fuzz::expect_answer(size, [=] {
    const std::string url = "https://host/set.zip";
    pc::fetch::PartFile part(folder / "set.zip", url);
    expect(part.state().url == url, "the state is of this address");
    expect(part.size() == 0 || part.size() == int64_t(bytes), "all bytes are kept, or none");
    expect(part.size() == 0 || part.state().total < 0 || part.size() <= part.state().total,
           "no more than the file has");
    expect(part.validator().find_first_of("\r\n") == std::string::npos, "no header within the validator");
    part.append("more", 4);
    const int64_t now = part.size();
    expect(pc::fetch::PartFile(folder / "set.zip", "https://other/").size() == 0,
           "bytes of another address are dropped");
    expect(now >= 4, "what is appended is there");
  });
}
