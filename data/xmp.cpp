// No XML parser: a packet is searched for the one property, as Pillow and ExifTool do it.
#include "data/xmp.h"

#include <algorithm>
#include <cstddef>
#include <string>

namespace pc::data::detail {
namespace {

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

std::string_view without_space(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  return text;
}

// "tiff", or the prefix in xmlns:PREFIX="http://ns.adobe.com/tiff/1.0/".
std::string_view tiff_prefix(std::string_view packet) {
  const std::size_t uri = packet.find("http://ns.adobe.com/tiff/1.0/");
  if (uri == packet.npos) return "tiff";
  const std::size_t begin = packet.substr(0, uri).rfind("xmlns:");
  if (begin == packet.npos) return "tiff";
  const std::string_view name = packet.substr(begin + 6, uri - begin - 6);
  const std::size_t end = name.find_first_of(" \t\r\n=");
  return end == name.npos || end == 0 || end > 64 ? "tiff" : name.substr(0, end);
}

// What follows the name: ="6" or >6, with white space between.
std::optional<int> value_after(std::string_view text) {
  text = without_space(text);
  const bool attribute = text.starts_with('='), element = text.starts_with('>');
  if (!attribute && !element) return std::nullopt;
  text = without_space(text.substr(1));
  if (attribute) {
    if (!text.starts_with('"') && !text.starts_with('\'')) return std::nullopt;
    text = without_space(text.substr(1));
  }
  if (text.empty() || text[0] < '0' || text[0] > '9') return std::nullopt;
  const bool longer = text.size() > 1 && text[1] >= '0' && text[1] <= '9';
  return longer ? 0 : text[0] - '0';
}

}  // namespace

std::optional<int> xmp_orientation(std::string_view packet) {
  const std::string name = std::string(tiff_prefix(packet)) + ":Orientation";
  for (std::size_t at = 0; (at = packet.find(name, at)) != packet.npos; at += name.size())
    if (const auto value = value_after(packet.substr(at + name.size()))) return value;
  return std::nullopt;
}

}  // namespace pc::data::detail
