// A file of rows that an interrupted job can be resumed with, and that a later job can add to.
//
// PATH.manifest next to it says what the rows were made with. The rows that are there are the record of what is done,
// so a kill at any moment costs a torn last row at most.
#pragma once

#include <filesystem>
#include <optional>
#include <string_view>

#include "kernels/base/descriptor.h"
#include "tools/predict/found_rows.h"
#include "tools/predict/manifest.h"

namespace pc::predict {

// What becomes of rows that are there already.
enum class ExistingRows { refuse, resume, replace };

class RowFile {
 public:
  // Makes the file, or opens the one that is there. `header` is the first row of a CSV. Streams have no manifest.
  // Errors: Error(file) for rows that are refused; Error(usage) for those made with something else (names the first difference) or
  // with nobody knows what, and where something that is not a regular file should be resumed; Error(data) for a file or
  // manifest that something else has written; Error(file) if it cannot be written or another process writes it.
  RowFile(const std::filesystem::path& path, RowFormat format, const std::string& header, Manifest manifest,
          ExistingRows existing);

  FoundRows* found() { return found_ ? &*found_ : nullptr; }  // null: none
  const FoundRows* found() const { return found_ ? &*found_ : nullptr; }
  void append(std::string_view rows);  // Error(file) "cannot write PATH: No space left on device"
  // Brings the rows into their order, syncs them, then says so in the manifest. A finished file that nothing was added
  // to stays as it is; then false.
  bool finish();

 private:
  bool lock();
  void begin(ExistingRows existing, off_t size);
  void resume();
  void write_manifest(bool finished);
  void reorder(const std::vector<Span>& order);

  std::filesystem::path path_, manifest_path_;
  RowFormat format_;
  std::string header_;
  Manifest manifest_;
  Descriptor fd_;
  std::optional<FoundRows> found_;
  bool regular_ = true;
  bool finished_ = false;  // the file on the disk, as its manifest says
};

}  // namespace pc::predict
