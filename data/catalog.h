// What a data set holds, before any image is decoded: its images, its label columns and their classes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "data/decode_settings.h"
#include "data/image.h"
#include "data/image_info.h"

namespace pc::data {

enum class Split : uint8_t { train, val, test, unused };
const char* name_of(Split split);  // "train", "val", "test", "unused"

struct Catalog {
  struct Item {
    std::string file;             // entry name in the zip or path below the root, with '/'
    std::vector<int32_t> labels;  // one per column, an index into classes; -1: none
  };
  struct Report {
    int64_t rows = 0, repaired_rows = 0, rows_without_image = 0, images_without_row = 0, duplicate_ids = 0;
    std::vector<std::string> notes;     // what is odd about single rows and files, the first few of each kind
    std::vector<std::string> warnings;  // what may change what is learned: alike classes, tables that are not used, …
    std::vector<std::string> unused_tables;  // those that lie beside images without being read
  };
  std::vector<std::string> columns;               // the label columns asked for
  std::vector<std::vector<std::string>> classes;  // per column, sorted by name; only classes that some image has
  std::vector<Item> items;                        // in the order of the rows, or of the paths
  std::vector<Split> given;                       // the split the data set comes with, per item; empty: none
  std::vector<std::string> names, years;          // productDisplayName and year of Kaggle's rows; empty: no such column
  std::vector<std::string> columns_there;         // every column that could have been asked for
  Report report;
};

// The images of a catalog. Any number of threads may read at once.
class ImageSource {
 public:
  virtual ~ImageSource() = default;
  // The image of catalog.items[item]. Errors as decode_image, and Error(data) if the archive entry is damaged.
  virtual Image image(std::size_t item, const DecodeSettings& settings = {}) const = 0;
  // What its header says. Errors as image, but none for what the header lacks.
  virtual ImageInfo info(std::size_t item) const = 0;
  // Changes when an image does: a hash of names, sizes and CRCs (zip) or times (folder), in item order.
  virtual uint64_t fingerprint() const = 0;
};

struct DataSet {
  std::string kind;        // "kaggle", "folders" or "idx"
  std::string layout;      // what it was taken to be, for people: "labels from styles.csv, images in images/"
  std::string split_from;  // what catalog.given was taken from: "the directories train/, test/"
  Catalog catalog;
  std::shared_ptr<const ImageSource> images;
};

// Opens the layout that is found there; a relative root that does not exist is looked for in the default cache folder:
//  - the Kaggle layout, a zip or a folder: styles.csv and images/ID.jpg, at the top or one folder down (the copy of
//    everything under myntradataset/ is ignored). "NA" is a label, an empty cell is none. Of a repeated id the first
//    row counts.
//  - IDX (MNIST, Fashion-MNIST): a folder with the four *-ubyte files, gzipped or not; t10k is the test split.
//    Column "label".
//  - one folder per class, a folder or a zip, the classes at the top or below common folders. Folders named like train,
//    val or test (data/split_name.h), above the classes or below each, are the split. Column "label".
// `columns` empty: "label" if there is such a column, none for Kaggle's. Errors: Error(file) for a root that cannot
// be read, Error(data) naming file, line or column for what is wrong inside.
DataSet open_dataset(const std::filesystem::path& root, const std::vector<std::string>& columns);

}  // namespace pc::data
