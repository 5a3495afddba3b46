// Lists of paths: pcpredict --files-from, with and without --null.
#include <string>

#include "tests/fuzz/target.h"
#include "tools/predict/path_list.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  const auto file = pc::fuzz::as_file(pc::fuzz::as_text(data, size));
  for (const bool null : {false, true})
    pc::fuzz::expect_answer(size, [&] {
      pc::predict::PathList list(file.string(), null);
      std::size_t bytes = 0;
      for (std::string path; list.next(path); bytes += path.size())
        pc::fuzz::expect(!path.empty() && path.find('\0') == path.npos, "a path has no NUL byte");
      pc::fuzz::expect(bytes <= size, "paths are parts of the list");
    });
  return 0;
}
