// A job of pcpredict: pictures in, one row each out, however many there are and however often it is interrupted.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "tools/cli/progress.h"
#include "tools/predict/answer.h"
#include "tools/predict/inputs.h"
#include "tools/predict/network_options.h"
#include "tools/predict/row_file.h"

namespace pc {

enum class RowFormat { text, json, csv };

struct JobOptions {
  InputOptions inputs;
  RowFormat format = RowFormat::text;
  AnswerStyle style;
  NetworkOptions network;
  std::string output;  // empty: standard output
  bool resume = false;
  std::string explain, explain_head;  // a PNG for one picture, a folder for several; empty: none
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
  nlohmann::json made_with() const;
  std::string row(const Prepared& picture) const;
  void adapt();
  void take_back();
  void write(std::string_view rows);
  void end_batch(std::vector<Prepared>& pictures);
  void draw(const Prepared& picture);
  void count(Exit code, const Outcome* outcome);
  [[noreturn]] void stop() const;
  void summarize() const;

  const JobOptions& o_;
  Predictor& predictor_;
  Inputs inputs_;
  std::optional<EmbeddingIndex> index_;
  std::optional<RowFile> file_;
  std::optional<Progress> progress_;
  std::size_t head_ = 0;     // to explain
  bool has_header_ = false;  // the CSV to go on with
  int64_t done_ = 0, before_ = 0, failed_ = 0;
  std::map<Verdict, int64_t> verdicts_;
  std::set<Exit> failures_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace pc
