// multipart/form-data (RFC 7578): the files of a form.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pc::serve {

struct FormFile {
  std::string name;        // the file's name as the client gives it: for answers, never for a path
  std::string_view bytes;  // in the body
};

// The files of a form, in order. A part is a file if it has a filename (filename*, RFC 5987, comes first) or a type
// other than text, by which its field's name stands for it. Nothing is passed over: throws Error(data) for a part that is
// no file, for another media type, for a boundary that is absent or broken, for a part without an end, and for more than
// `most` parts.
std::vector<FormFile> form_files(std::string_view content_type, std::string_view body, std::size_t most);

}  // namespace pc::serve
