// A job of pcpredict: images in, one row each out, however many there are and however often it is interrupted.
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "tools/cli/progress.h"
#include "tools/predict/answer.h"
#include "tools/predict/inputs.h"
#include "tools/predict/network_options.h"
#include "tools/predict/row_file.h"

namespace pc::predict {

struct JobOptions {
  InputOptions inputs;
  RowFormat format = RowFormat::text;
  AnswerStyle style;
  NetworkOptions network;
  std::string output;  // empty: standard output
  ExistingRows existing = ExistingRows::refuse;
  std::string explain, explain_head;  // a PNG for one image, a directory for several; empty: none
  std::string index;                  // of a catalog, for style.similar
};

class Job {
 public:
  // Errors: Error(usage) for options that do not go together; as Inputs, RowFile, EmbeddingIndex and NormAdapter.
  Job(const JobOptions& options, Predictor& predictor);
  // Exit::ok, or the one reason why pictures failed, or Exit::data where there were several. Error(stopped) where
  // stop_requested(): the rows of the batches before are written.
  Exit run();

 private:
  Manifest manifest() const;
  PictureStream missing();
  std::string row(const Prepared& picture) const;
  void adapt();
  void write(std::string_view rows);
  void end_batch(std::vector<Prepared>& pictures);
  void draw(const Prepared& picture);
  void count(const Outcome& outcome);
  int64_t before() const;
  [[noreturn]] void stop() const;
  void summarize(bool changed) const;

  const JobOptions& o_;
  Predictor& predictor_;
  Inputs inputs_;
  std::optional<EmbeddingIndex> index_;
  std::optional<RowFile> file_;
  std::optional<cli::Progress> progress_;
  std::size_t head_ = 0;           // to explain
  int64_t done_ = 0, failed_ = 0;  // by this run
  std::map<Verdict, int64_t> verdicts_;
  std::set<Exit> failures_;
  std::set<std::filesystem::path> drawn_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace pc::predict
