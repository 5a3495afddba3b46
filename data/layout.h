// What the layouts of data sets share: labels, notes and the images of a tree. Internal to data/.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "data/catalog.h"
#include "data/tree.h"

namespace pc::data::detail {

// The images of a tree, `entries` in item order.
std::shared_ptr<const ImageSource> tree_images(std::shared_ptr<const FileTree> tree,
                                               std::vector<FileTree::Entry> entries);

// Refuses columns other than "label"; sets columns and columns_there.
void require_label_only(Catalog& catalog, const std::string& root, const std::vector<std::string>& columns);

// Turns the label texts of one column (per item; nothing but blanks: none) into classes sorted by name and an index per
// item. Warns of classes that are alike (data/name_key.h). catalog.columns and items are set before.
void number_labels(Catalog& catalog, std::size_t column, const std::vector<std::string>& texts);

constexpr std::size_t kMaxNotes = 20;  // per kind
void add_note(Catalog::Report& report, int64_t count_so_far, const std::string& note);

}  // namespace pc::data::detail
