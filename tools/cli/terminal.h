// Text for people: safe to show, aligned, as wide as the window.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>

#include "kernels/base/text.h"

namespace pc::cli {

struct Terminal {
  bool on = false;     // a person looks at it: bars may be drawn
  bool color = false;  // text may be colored
  int columns = 80;
};
enum class Coloring { automatic, always, never };
// What --color says, for all streams; automatic: on a terminal, if $NO_COLOR is empty.
void set_coloring(Coloring coloring);

// What a stream leads to. $TERM=dumb counts as no terminal; $COLUMNS goes before the window's own width.
Terminal terminal_of(std::FILE* stream);

// In code points, as fmt pads too: names beyond ASCII stay aligned.
std::size_t width(const std::string& text);
std::string padded(const std::string& text, std::size_t columns);
// At most `columns` wide; what is cut ends in "…".
std::string clipped(const std::string& text, std::size_t columns);

// A bar of blocks, `share` (0 … 1) of `columns` long, to an eighth of a column; a share above 0 shows something.
std::string bar(double share, int columns);
std::string painted(const std::string& text, bool color);  // cyan where color is on

std::string grouped(int64_t number);                               // "40,047"
std::string counted(int64_t number, const std::string& singular);  // "1 thread", "2 threads"

}  // namespace pc::cli
