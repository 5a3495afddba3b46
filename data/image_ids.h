// Which image a table's id means, also when a spreadsheet or pandas has changed how the id is written.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

#include "data/tree.h"

namespace pc::data::detail {

// The name of a file without directories and extension.
std::string_view stem_of(std::string_view path);

// The images that lie directly in one directory of a tree, which must outlive this.
class ImageIds {
 public:
  ImageIds(const FileTree& tree, const std::string& directory);  // "images/"
  bool empty() const { return by_stem_.empty(); }

  // The id without what names the directory: "1163.jpg" of "images/1163.jpg".
  std::string_view without_directory(std::string_view id) const;
  // The image whose name without extension is the id; else the only one that remains when blanks around, letter case,
  // an extension, ".0" behind a number and zeros before it are disregarded. nullptr: none, or several.
  const FileTree::Entry* find(std::string_view id) const;
  bool is_name(std::string_view id) const { return by_stem_.contains(id); }

 private:
  std::string directory_;
  std::unordered_map<std::string_view, const FileTree::Entry*> by_stem_;
  std::unordered_map<std::string, const FileTree::Entry*> by_plain_id_;
};

}  // namespace pc::data::detail
