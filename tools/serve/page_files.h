// The files of web/ as text; CMake makes page_files.cpp from them.
#pragma once

namespace pc::serve {

// For fmt: {0} style, {1} name of the model, {2} facts as an attribute's text, {3} script.
extern const char* const kPageFrame;  // web/page.html
extern const char* const kPageStyle;  // web/page.css
// Whatever comes from files, labels or the server becomes text there, never HTML.
extern const char* const kPageScript;  // web/page.js
extern const char* const kSchemas;     // web/schemas.json: of the bodies that requests and answers have, for OpenAPI

}  // namespace pc::serve
