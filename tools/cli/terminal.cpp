#include "tools/cli/terminal.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>

namespace pc::cli {
namespace {

Coloring chosen = Coloring::automatic;

}  // namespace

void set_coloring(Coloring coloring) { chosen = coloring; }

Terminal terminal_of(std::FILE* stream) {
  const char *term = std::getenv("TERM"), *plain = std::getenv("NO_COLOR"), *columns = std::getenv("COLUMNS");
  Terminal t;
  t.on = isatty(fileno(stream)) && !(term && std::strcmp(term, "dumb") == 0);
  t.color = chosen == Coloring::always || (chosen == Coloring::automatic && t.on && !(plain && *plain));
  winsize window{};
  if (const int asked = columns ? std::atoi(columns) : 0; asked > 0) {
    t.columns = asked;
  } else if (ioctl(fileno(stream), TIOCGWINSZ, &window) == 0 && window.ws_col > 0) {
    t.columns = window.ws_col;
  }
  return t;
}

std::size_t width(const std::string& text) { return count_characters(text); }

std::string padded(const std::string& text, std::size_t columns) {
  return text + std::string(columns - std::min(columns, width(text)), ' ');
}

std::string clipped(const std::string& text, std::size_t columns) {
  if (width(text) <= columns) return text;
  std::string kept;
  std::size_t have = 0;
  for (const char c : text) {
    if (begins_character(c) && ++have >= columns) break;
    kept += c;
  }
  return columns == 0 ? "" : kept + "…";
}

std::string bar(double share, int columns) {
  static const char* const kPart[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  int eighths = int(std::lround(std::clamp(share, 0.0, 1.0) * columns * 8));
  if (share > 0 && columns > 0) eighths = std::max(1, eighths);
  std::string blocks;
  for (int i = 0; i < eighths / 8; ++i) blocks += "█";
  return blocks + kPart[eighths % 8];
}

std::string painted(const std::string& text, bool color) { return color ? "\033[36m" + text + "\033[0m" : text; }

std::string counted(int64_t number, const std::string& singular) {
  return grouped(number) + " " + singular + (number == 1 ? "" : "s");
}

std::string grouped(int64_t number) {
  std::string digits = fmt::format("{}", number);
  for (auto at = std::ptrdiff_t(digits.size()) - 3; at > (number < 0 ? 1 : 0); at -= 3)
    digits.insert(std::size_t(at), ",");
  return digits;
}

}  // namespace pc::cli
