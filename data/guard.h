// The one guard around the work on a single image: whatever goes wrong costs this image only.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "kernels/base/error.h"

namespace pc::data {

struct ImageProblem {
  Exit code = Exit::data;
  std::string message;   // begins with the name of the image or of its file
  bool passing = false;  // memory or the file system failed, not the image's bytes: another time it may succeed
};

// Runs `work`, which reads, decodes or prepares the image `name`. Nothing if it succeeded, else what it threw, whatever
// that is: an Error as it is, no memory as Exit::limit, a failed system call as Exit::file, all else as Exit::data.
std::optional<ImageProblem> image_problem(const std::string& name, const std::function<void()>& work);

}  // namespace pc::data
