// Shift: how much accuracy each of several models loses where pictures are not like those it was trained on.
#pragma once

#include <string>
#include <vector>

#include "tools/evaluate/score.h"
#include "tools/predict/network_options.h"

namespace pc {

struct NamedModel {
  std::string name, path;
};

struct ShiftSettings {
  std::vector<std::string> models;
  std::string data, photos;          // photos "": none
  std::vector<NamedModel> held_out;  // models trained without a year or a brand of the data
  std::string label, head;  // column of the data and head to score; "": the only one, or the one that the map fits
  ClassMap map;             // of the photos; empty: by name
  bool test_only = true;    // the pictures that every model has held back, else all
  int64_t limit = 2000;     // pictures that are corrupted, drawn with a fixed seed; 0: none, and no row of them
  NetworkOptions network;
};

// One model in one row; n = 0: nothing that it can name.
struct ShiftCell {
  int64_t n = 0, correct = 0;
  int64_t lost = 0, gained = 0;  // correct before the corruption and incorrect after it, and the other way round
  double macro_recall = 0;       // over the classes with a picture
};

struct ShiftRow {
  std::string name, strength;
  bool paired = false;           // with the undisturbed sample: lost and gained count
  std::vector<ShiftCell> cells;  // one per model
};

// What a model makes of the pictures that it held back, as they are.
struct HeldOut {
  NamedModel model;
  ShiftCell cell;
};

struct ShiftReport {
  std::vector<std::string> models, heads;  // names for people; the head of each that is scored
  std::string data, label, photos;
  int64_t sample = 0;
  NetworkOptions network;
  std::vector<std::string> common_classes;  // of the photos, that every model can name
  std::vector<std::string> unknown_labels;  // of the map, that no model knows
  std::vector<ShiftRow> rows;
  std::vector<HeldOut> held_out;
  std::vector<std::string> bad;  // what is wrong with pictures that could not be read, each once
};

// Rows: the test pictures, a sample of them undisturbed, the sample with each corruption at each severity, then the
// photos: of the classes that each model can name, and of those that every model can. All models see the same pixels of
// the sample, and of the other rows what pceval shows them without --shift.
// A model that knows no label of a set has blanks there. Errors: as plan_score; Error(usage) where a model has several
// heads and none is chosen; Error(data) where no model can name anything, or no test picture is common to all.
ShiftReport measure_shift(const ShiftSettings& settings);

}  // namespace pc
