// pcdata run in a shell, and data sets with known defects for it.
#pragma once

#include <filesystem>
#include <string>

#include "tests/programs.h"

namespace pc::test {

using Ran = Outcome;
// PCDATA ARGUMENTS, run in `folder`.
Ran pcdata(const std::filesystem::path& folder, const std::string& arguments);

// FOLDER/shop: 100 products that pcdata draws, and on top of their own warts: a repeated id, a picture without a row,
// an HTML page and a cut-off JPEG in the place of pictures, an RGBA PNG named .jpg, a missing season, and a copy of a
// picture whose article differs, a name full of markup.
void make_shop(const std::filesystem::path& folder);

}  // namespace pc::test
