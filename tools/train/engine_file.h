// The engines found for convolutions by trying, kept from run to run: FOLDER/conv-engines.txt. Nothing on the CPU.
#pragma once

#include <filesystem>
#include <string>

#include "kernels/runtime/dtype.h"

namespace pc::train {

class EngineFile {
 public:
  // Takes up the choices in the file, where there is one, and has new convolutions tried. Errors: Error(data) "FILE:LINE: …".
  EngineFile(Device device, const std::filesystem::path& folder);
  // Writes the file where a choice was added. Errors: Error(file).
  void save();

 private:
  Device device_;
  std::filesystem::path path_;
  std::string text_;
};

}  // namespace pc::train
