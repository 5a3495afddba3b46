// What the command line names as pictures: files, folders, globs, archives, standard input, and lists of all those.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "data/decode_settings.h"
#include "data/image.h"
#include "data/tree.h"
#include "kernels/base/error.h"
#include "tools/predict/path_list.h"
#include "tools/predict/stream.h"

namespace CLI {
class App;
}

namespace pc::predict {

// One picture to predict, or a place without one: then `error` says why and `code` is its exit code.
struct InputPicture {
  std::string file;  // as the user would name it, "shop.zip/images/1.jpg" within an archive; "-" is standard input
  std::string error = {};
  Exit code = Exit::ok;
  std::shared_ptr<const data::FileTree> archive = nullptr;  // where it lies in one,
  std::size_t entry = 0;                                    // and which of its entries it is
};

struct InputOptions {
  std::vector<std::string> places;
  std::string list;  // of more places; "-" is standard input; empty: none
  bool null = false;
};
void add_input_options(CLI::App& app, InputOptions& options);  // INPUT, --files-from and --null

// A file stands for itself whatever its name; a folder for the pictures below it, by file name extension, sorted by
// path, without hidden files; an archive, SHOP.zip, SHOP.zip/FOLDER or SHOP.zip/GLOB, for the pictures in it, which are
// read in place; a glob that is no file itself for the pictures, folders and archives it matches, sorted. What cannot
// be read or holds no picture becomes an entry with an error.
class Inputs {
 public:
  // Finds the pictures of the places, about 150 bytes of memory each. Error(file) for a list that cannot be opened.
  // Error(usage) where nothing is named or standard input twice.
  explicit Inputs(const InputOptions& options);
  // The next picture; false at the end. The list is read as it goes; its lines are no globs. Errors: as PathList.
  bool next(InputPicture& picture);
  std::optional<int64_t> count() const;  // how many there are in all; unknown while a list is read
  // Reads the list to its end; then next() goes through all of them, and so do others. Error(usage) for standard input
  // as a picture, which can be read just once.
  const std::vector<InputPicture>& collect();

 private:
  std::vector<InputPicture> find(const std::string& place, bool globs);
  std::vector<InputPicture> look_up(const std::string& place, bool globs);
  std::vector<InputPicture> in_archive(const std::string& path, const std::string& inside);

  std::vector<InputPicture> found_;
  std::size_t at_ = 0;
  std::optional<PathList> list_;
  std::string archive_path_;  // the one opened last: a list may name its pictures one by one
  std::shared_ptr<const data::FileTree> archive_;
};

// Reads and decodes. Throws the picture's own error, Error(file) "cannot open PATH: …", else what decode_image throws;
// Error(limit) above 512 MiB.
data::Image read_picture(const InputPicture& picture, const data::DecodeSettings& settings = {});
data::Image read_picture(const std::string& file, const data::DecodeSettings& settings = {});

// What is wrong with the first few images of these places, standard input left alone; "" if nothing is.
std::string first_fault(std::vector<std::string> places);

// All of them in their order, decoded for the predictor. Both must outlive the stream.
PictureStream stream_of(Inputs& inputs, const Predictor& predictor);

}  // namespace pc::predict
