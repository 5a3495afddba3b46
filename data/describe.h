// What a data set was taken to be, for people: printed before a program trains, inspects or evaluates.
#pragma once

#include <string>
#include <vector>

#include "data/catalog.h"

namespace pc::data {

// "Accessories, Apparel, Footwear and 4 more"
std::string some_names(const std::vector<std::string>& names, std::size_t most = 5);

// Lines without line breaks: images and layout, with the table of labels; classes by name, a line per column (the first
// few columns); where a split comes from; then the catalog's warnings. Call after fold_rare_classes, which changes the
// classes.
std::vector<std::string> describe(const DataSet& data);

// Prints them on stderr, each as "data: LINE".
void print_description(const DataSet& data);

}  // namespace pc::data
