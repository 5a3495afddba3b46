// pctrain's options for the usual keys of its configuration: "--epochs 10" is train.epochs = 10.
#pragma once

#include <string>
#include <vector>

#include "tools/cli/ini.h"

namespace pc::runs {

struct TrainFlag {
  const char* name;
  const char* placeholder;        // in the help: "N", "FILE", …
  std::vector<std::string> keys;  // "train.epochs"; all of them are set
  const char* help = nullptr;     // null: that of the last key
};

const std::vector<TrainFlag>& train_flags();

// What the value sets, as entries whose place is the flag's name. --size takes auto, one side, or WIDTHxHEIGHT. Error(usage) for another size.
std::vector<cli::IniEntry> entries_of(const TrainFlag& flag, const std::string& value);

// Of a run that has no configuration file: where its images are, and a name for it taken from that path ("photos/shoes.zip": shoes).
std::vector<cli::IniEntry> entries_of_data(const std::string& path);

// Whether a path on the command line is a data set, a folder or an archive, rather than a configuration file. One that is not there is a
// data set that pcdata fetch may have got, unless it ends in .ini.
bool is_data(const std::string& path);

}  // namespace pc::runs
