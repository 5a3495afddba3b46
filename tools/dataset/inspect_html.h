// An inspection as one HTML page.
#pragma once

#include <string>

#include "tools/dataset/inspection.h"

namespace pc {

// A self-contained page: styles inline, thumbnails as data: URIs, no scripts, every text escaped. Decodes the pictures
// it shows once more. What would make it larger than 5 MB is left out, thumbnails first, with a note.
std::string inspection_html(const std::string& name, const DataSet& data, const Inspection& found);

}  // namespace pc
