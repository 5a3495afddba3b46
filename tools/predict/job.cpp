#include "tools/predict/job.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "data/png.h"
#include "kernels/base/directory.h"
#include "kernels/base/file.h"
#include "kernels/base/logger.h"
#include "kernels/base/sha256.h"
#include "tools/cli/json.h"
#include "tools/cli/stop.h"
#include "tools/cli/terminal.h"
#include "tools/predict/adapt.h"
#include "tools/predict/explain.h"

namespace pc::predict {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

std::string hash_of(const fs::path& file) { return sha256_hex(MappedFile::open(file)->bytes()); }

// How the row of a picture begins: enough to see that it is of this picture, and what became of it.
std::string row_start(RowFormat format, const std::string& file, Exit code) {
  if (format == RowFormat::csv) return csv_start(file, code);
  std::string object = cli::one_line({{"file", file}, {"status", status_of(code)}});
  object.pop_back();  // the brace
  return object;
}

void check(const JobOptions& o) {
  if (o.style.logits && o.format != RowFormat::json) fail(Exit::usage, "--logits goes with --json");
  if (o.resume && (o.output.empty() || o.format == RowFormat::text))
    fail(Exit::usage, "--resume goes with --output and --csv or --json");
  if (o.index.empty() != (o.style.similar == 0)) fail(Exit::usage, "--similar and --index go together");
  if (!o.explain_head.empty() && o.explain.empty()) fail(Exit::usage, "--explain-head goes with --explain");
}

}  // namespace

Job::Job(const JobOptions& o, Predictor& predictor) : o_(o), predictor_(predictor), inputs_((check(o), o.inputs)) {
  head_ = explained_head(predictor.info(), o.explain_head);
  if (!o.index.empty()) index_.emplace(o.index, backbone_id(predictor.path(), predictor.info()));
  if (o.network.adapt) adapt();
  if (!o.output.empty()) file_.emplace(o.output, made_with(), o.resume);
  if (!o.output.empty() || !cli::terminal_of(stdout).on) progress_.emplace("predicting", inputs_.count().value_or(0));
}

// Threads are not in it, nor the size of batches: they change no bit, but for the statistics of --bn-adapt.
json Job::made_with() const {
  return {{"model", hash_of(predictor_.path())},
          {"format", o_.format == RowFormat::csv    ? "csv"
                     : o_.format == RowFormat::json ? "json"
                                                    : "text"},
          {"--top-k", o_.style.top_k},
          {"--accept-at", o_.style.accept_at},
          {"--logits", o_.style.logits},
          {"--similar", o_.style.similar},
          {"index", o_.index.empty() ? "" : hash_of(o_.index)},
          {"--device", o_.network.device},
          {"--precision", o_.network.precision},
          {"--tta", o_.network.views},
          {"--bn-adapt", o_.network.adapt
                             ? fmt::format("to {} pictures in batches of {}", *inputs_.count(), o_.network.batch)
                             : std::string("off")}};
}

void Job::adapt() {
  const auto& pictures = inputs_.collect();
  NormAdapter(predictor_)
      .adapt(
          pictures.size(), [&](std::size_t i) { return read_picture(pictures[i], predictor_.decoding()); },
          o_.network.batch);
}

Exit Job::run() {
  if (file_ && file_->was_finished()) {
    note("{} is finished: nothing to do", o_.output);
    return Exit::ok;
  }
  cli::catch_stop_signals();
  if (file_) take_back();
  if (o_.format == RowFormat::csv && !has_header_) write(csv_header(predictor_.info(), o_.style));
  start_ = std::chrono::steady_clock::now();
  try {
    predict_stream(predictor_, stream_of(inputs_, predictor_), o_.network.batch,
                   [&](std::vector<Prepared>& pictures) { end_batch(pictures); });
  } catch (const Error& error) {
    if (error.code() == Exit::stopped) stop();
    throw;
  }
  if (file_) file_->finish();
  progress_.reset();
  summarize();
  if (failures_.empty()) return Exit::ok;
  return failures_.size() == 1 ? *failures_.begin() : Exit::data;
}

// The rows that an interrupted run left must be those of the first pictures.
void Job::take_back() {
  const bool csv = o_.format == RowFormat::csv;
  file_->read_back(csv, [&](std::string_view row) {
    if (csv && !std::exchange(has_header_, true)) return;
    InputPicture picture{.file = ""};
    const bool more = inputs_.next(picture);
    for (const Exit code : {Exit::ok, Exit::data, Exit::file, Exit::limit})
      if (more && row.starts_with(row_start(o_.format, picture.file, code))) {
        ++before_;
        return count(code, nullptr);
      }
    fail(Exit::data,
         fmt::format("{}: row {} is not of {}, which comes there now: the pictures are others than when it was "
                     "begun; remove {}.manifest and begin anew",
                     o_.output, before_ + 1, more ? picture.file : "any picture", o_.output));
  });
}

std::string Job::row(const Prepared& picture) const {
  const ModelInfo& info = predictor_.info();
  switch (o_.format) {
    case RowFormat::csv:
      return to_csv(picture.file, picture.outcome, info, o_.style);
    case RowFormat::json:
      return cli::one_line(to_json(picture.file, picture.outcome, info, o_.style)) + "\n";
    case RowFormat::text:
      break;
  }
  return to_text(picture.file, picture.outcome, info, o_.style);
}

void Job::write(std::string_view rows) {
  if (file_) return file_->append(rows);
  fmt::print("{}", rows);
  if (std::fflush(stdout) != 0) fail(Exit::file, fmt::format("cannot write standard output: {}", std::strerror(errno)));
}

// Rows leave in whole batches.
void Job::end_batch(std::vector<Prepared>& pictures) {
  std::string rows;
  bool stopped = cli::stop_requested();
  for (Prepared& picture : pictures) {
    Outcome& outcome = picture.outcome;
    if (outcome.code == Exit::stopped) {
      stopped = true;
      break;
    }
    if (outcome.code == Exit::ok && index_) outcome.similar = index_->nearest(outcome.embedding, o_.style.similar);
    if (outcome.code == Exit::ok && !o_.explain.empty()) draw(picture);
    if (outcome.code != Exit::ok) {
      const std::string line = "pcpredict: " + visible(outcome.error);
      progress_ ? progress_->say(line) : note_line(line);
    }
    count(outcome.code, &outcome);
    rows += row(picture);
  }
  write(rows);
  if (progress_) progress_->update(done_);
  if (stopped) fail(Exit::stopped, "");
}

void Job::draw(const Prepared& picture) {
  const bool one = inputs_.count() == 1 && !fs::is_directory(o_.explain);
  const fs::path path = one ? fs::path(o_.explain) : explanation_path(o_.explain, picture.file);
  if (!one) make_folders(path.parent_path());
  const auto png = encode_png(explain(predictor_, picture.input, picture.outcome.logits, head_));
  write_file_atomically(path, {reinterpret_cast<const char*>(png.data()), png.size()});
}

void Job::count(Exit code, const Outcome* outcome) {
  ++done_;
  if (code != Exit::ok) {
    failures_.insert(code);
    ++failed_;
  } else if (outcome) {
    const ModelInfo& info = predictor_.info();
    ++verdicts_[verdict_of(info, outcome->logits, named_labels(info, outcome->logits, o_.style.accept_at))];
  }
}

void Job::stop() const {
  std::string text = fmt::format("stopped after {}{} pictures", cli::grouped(done_),
                                 inputs_.count() ? " of " + cli::grouped(*inputs_.count()) : "");
  if (file_ && o_.format != RowFormat::text)
    text += fmt::format(", their rows are in {}; the same command with --resume goes on", o_.output);
  fail(Exit::stopped, text);
}

void Job::summarize() const {
  if (done_ < 2) return;
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  std::string text = fmt::format("{} pictures, {} failed", cli::grouped(done_), cli::grouped(failed_));
  if (before_ > 0) text += fmt::format(", {} of them before", cli::grouped(before_));
  if (before_ == 0 && predictor_.info().calibration)
    for (const auto& [verdict, n] : verdicts_) text += fmt::format(", {} {}", cli::grouped(n), cli::one_line(verdict));
  note("pcpredict: {}; {:.0f} img/s", text, double(done_ - before_) / std::max(1e-9, seconds));
}

}  // namespace pc::predict
