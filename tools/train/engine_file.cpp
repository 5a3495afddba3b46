#include "tools/train/engine_file.h"

#include "kernels/base/directory.h"
#include "kernels/base/file.h"
#include "kernels/conv2d/conv2d_plans.h"

namespace pc::train {

EngineFile::EngineFile(Device device, const std::filesystem::path& folder)
    : device_(device), path_(folder / "conv-engines.txt") {
  if (device == Device::cpu) return;
  const auto& plans = PC_KERNELS(conv2d_plans, device);
  if (path_exists(path_)) plans.load(read_file(path_), path_.string());
  text_ = plans.text();
  plans.tune(true);
}

void EngineFile::save() {
  if (device_ == Device::cpu) return;
  const std::string text = PC_KERNELS(conv2d_plans, device_).text();
  if (text == text_) return;
  make_folders(path_.parent_path());
  write_file_atomically(path_, text);
  text_ = text;
}

}  // namespace pc::train
