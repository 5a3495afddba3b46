#include "data/guard.h"

#include <exception>
#include <new>
#include <system_error>

namespace pc::data {

std::optional<ImageProblem> image_problem(const std::string& name, const std::function<void()>& work) {
  try {
    work();
    return std::nullopt;
  } catch (const Error& error) {
    return ImageProblem{.code = error.code(), .message = error.what(), .passing = error.code() == Exit::file};
  } catch (const std::bad_alloc&) {
    return ImageProblem{.code = Exit::limit, .message = name + ": not enough memory for this image", .passing = true};
  } catch (const std::system_error& error) {
    return ImageProblem{.code = Exit::file, .message = name + ": " + error.what(), .passing = true};
  } catch (const std::exception& error) {
    return ImageProblem{.message = name + ": cannot be processed (" + error.what() + ")"};
  } catch (...) {
    return ImageProblem{.message = name + ": cannot be processed"};
  }
}

}  // namespace pc::data
