// split.csv: which picture trains, validates and tests, written by a run and taken up by another.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "data/groups.h"
#include "data/split.h"

namespace pc::runs {

// "file,split,group" of every picture in catalog order, for spreadsheets too (csv_cell); split is train, val, test or
// unused. Pictures of one group have the same number, those that stand alone have none.
std::string split_csv(const data::Catalog& catalog, const std::vector<data::Split>& split,
                      const data::ItemGroups& groups);

// Whether RUN/split.csv still says `text`. Error(data) where it does not: the run cannot go on with other pictures.
void check_split(const std::filesystem::path& path, const std::string& text);

// The split that such a file says, also when a spreadsheet has saved it again; the sides may go by any name of
// data/split_name.h, other columns than file and split do not count. Errors: Error(file) where it cannot be read,
// Error(data) naming the line for a picture that the data set does not have, one that comes twice and an unknown word,
// and Error(data) naming the first picture of the data set that it does not list.
std::vector<data::Split> read_split(const std::filesystem::path& path, const data::Catalog& catalog);

}  // namespace pc::runs
