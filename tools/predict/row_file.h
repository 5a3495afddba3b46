// A file of rows that an interrupted run can go on with.
//
// While it grows, PATH.manifest lies beside it and says what the rows were made with; a PATH without one is finished.
// The rows that are there are the record of what is done, so a kill at any moment costs a torn last row at most.
#pragma once

#include <filesystem>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string_view>

#include "kernels/base/descriptor.h"

namespace pc::predict {

class RowFile {
 public:
  // Begins the file anew, or goes on with it where `resume` is set and there is something to go on with. `made_with` is
  // an object of what the rows depend on. Errors: Error(usage) where an unfinished file is there and `resume` is not
  // set, where it was made with something else (names the first difference), or where something that is no regular
  // file should be resumed; Error(file) where it cannot be written or another process writes it.
  RowFile(const std::filesystem::path& path, const nlohmann::json& made_with, bool resume);

  // Whether the file asked to be resumed was finished before; nothing is to be done then.
  bool was_finished() const { return was_finished_; }
  // Calls f(row) for each whole row that is there, its line break included, and cuts a torn one off. With `quotes` a
  // line break between quotes ends no row.
  void read_back(bool quotes, const std::function<void(std::string_view row)>& f);
  void append(std::string_view rows);  // Error(file) "cannot write PATH: No space left on device"
  void finish();                       // syncs the rows, then removes the manifest

 private:
  void check_manifest(const nlohmann::json& made_with) const;

  std::filesystem::path path_, manifest_;
  Descriptor fd_;
  bool was_finished_ = false, regular_ = true;
};

}  // namespace pc::predict
