#include "tools/predict/job.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>

#include "data/png.h"
#include "kernels/base/directory.h"
#include "kernels/base/file.h"
#include "kernels/base/logger.h"
#include "kernels/base/sha256.h"
#include "tools/cli/json.h"
#include "tools/cli/output_file.h"
#include "tools/cli/stop.h"
#include "tools/cli/terminal.h"
#include "tools/predict/adapt.h"
#include "tools/predict/explain.h"

namespace pc::predict {
namespace {

namespace fs = std::filesystem;

std::string hash_of(const fs::path& path) {
  const auto file = MappedFile::open(path);
  const std::string hash = sha256_hex(file->bytes());
  file->check_unchanged();
  return hash;
}

void check(const JobOptions& o) {
  if (o.style.logits && o.format != RowFormat::json) fail(Exit::usage, "--logits goes with --json");
  if (o.existing == ExistingRows::resume && (o.output.empty() || o.format == RowFormat::text))
    fail(Exit::usage, "--resume goes with an --output of CSV or JSON rows");
  if (o.index.empty() != (o.style.similar == 0)) fail(Exit::usage, "--similar and --index go together");
  if (!o.explain_head.empty() && o.explain.empty()) fail(Exit::usage, "--explain-head goes with --explain");
}

}  // namespace

Job::Job(const JobOptions& o, Predictor& predictor) : o_(o), predictor_(predictor), inputs_((check(o), o.inputs)) {
  head_ = explained_head(predictor.info(), o.explain_head);
  if (!o.explain.empty()) check_explanation(o.explain, inputs_.count(), o.existing != ExistingRows::refuse);
  if (!o.index.empty()) index_.emplace(o.index, backbone_id(predictor.path(), predictor.info()));
  if (o.network.adapt) adapt();
  const std::string header = o.format == RowFormat::csv ? csv_header(predictor.info(), o.style) : "";
  if (!o.output.empty())
    file_.emplace(o.output, o.format, header, manifest(), o.existing);
  else
    write(header);
  if (!o.output.empty() || !cli::terminal_of(stdout).on) progress_.emplace("predicting", inputs_.count().value_or(0));
}

// Threads are not in it, nor the size of batches: they change no bit, but for the statistics of --bn-adapt.
Manifest Job::manifest() const {
  Manifest all{.made_with = {{"model", hash_of(predictor_.path())},
                             {"format", o_.format == RowFormat::csv    ? "csv"
                                        : o_.format == RowFormat::json ? "json"
                                                                       : "text"}},
               .named = {{"model", predictor_.path().string()}, {"INPUT", o_.inputs.places}}};
  auto& with = all.made_with;
  if (o_.format != RowFormat::csv) with["--top-k"] = o_.style.top_k;
  if (o_.format == RowFormat::json) with["--logits"] = o_.style.logits;
  with["--accept-at"] = o_.style.accept_at;
  with["--similar"] = o_.style.similar;
  if (!o_.index.empty()) with["--index"] = hash_of(o_.index);
  with["--device"] = o_.network.device;
  with["--precision"] = o_.network.precision;
  with["--tta"] = o_.network.views;
  with["--bn-adapt"] = o_.network.adapt
                           ? fmt::format("to {} images in batches of {}", *inputs_.count(), o_.network.batch)
                           : std::string("off");
  if (!o_.index.empty()) all.named["--index"] = o_.index;
  if (!o_.inputs.list.empty()) all.named["--files-from"] = o_.inputs.list;
  return all;
}

// The images whose rows are not there.
PictureStream Job::missing() {
  FoundRows* const found = file_ ? file_->found() : nullptr;
  PictureStream all = stream_of(inputs_, predictor_);
  if (!found) return all;
  return [found, all](StreamPicture& picture) {
    do
      if (!all(picture)) return false;
    while (found->has(picture.file));
    return true;
  };
}

int64_t Job::before() const { return file_ && file_->found() ? file_->found()->kept() : 0; }

void Job::adapt() {
  const auto& pictures = inputs_.collect();
  NormAdapter(predictor_)
      .adapt(
          pictures.size(), [&](std::size_t i) { return read_picture(pictures[i], predictor_.decoding()); },
          o_.network.batch);
}

Exit Job::run() {
  cli::catch_stop_signals();
  start_ = std::chrono::steady_clock::now();
  try {
    predict_stream(predictor_, missing(), o_.network.batch,
                   [&](std::vector<Prepared>& pictures) { end_batch(pictures); });
  } catch (const Error& error) {
    if (error.code() == Exit::stopped) stop();
    throw;
  }
  const bool changed = !file_ || file_->finish();
  progress_.reset();
  summarize(changed);
  if (failures_.empty()) return Exit::ok;
  return failures_.size() == 1 ? *failures_.begin() : Exit::data;
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
  if (rows.empty()) return;
  if (file_) return file_->append(rows);
  fmt::print("{}", rows);
  if (std::fflush(stdout) != 0) throw std::system_error(errno, std::generic_category(), "standard output");
}

// Rows leave in whole batches.
void Job::end_batch(std::vector<Prepared>& pictures) {
  std::string rows;
  std::size_t end = 0;  // of the row before
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
      progress_ ? progress_->warn(line) : warn_line(line);
    }
    count(outcome);
    rows += row(picture);
    if (file_ && file_->found()) file_->found()->added(rows.size() - std::exchange(end, rows.size()));
  }
  write(rows);
  if (progress_) progress_->update(before() + done_);
  if (stopped) fail(Exit::stopped, "");
}

void Job::draw(const Prepared& picture) {
  const bool one = is_explanation_file(o_.explain);
  const fs::path path = one ? fs::path(o_.explain) : explanation_path(o_.explain, picture.file);
  if (!one) {
    make_folders(path.parent_path());
    const bool ours = !drawn_.insert(path).second;  // an image may come twice
    cli::check_output(path, {".png"}, ours || o_.existing != ExistingRows::refuse);
  }
  const auto png = encode_png(explain(predictor_, picture.input, picture.outcome.logits, head_));
  write_file_atomically(path, {reinterpret_cast<const char*>(png.data()), png.size()});
}

void Job::count(const Outcome& outcome) {
  ++done_;
  if (outcome.code != Exit::ok) {
    failures_.insert(outcome.code);
    ++failed_;
  } else {
    const ModelInfo& info = predictor_.info();
    ++verdicts_[verdict_of(info, outcome.logits, named_labels(info, outcome.logits, o_.style.accept_at))];
  }
}

void Job::stop() const {
  std::string text = fmt::format("stopped after {}{} images", cli::grouped(before() + done_),
                                 inputs_.count() ? " of " + cli::grouped(*inputs_.count()) : "");
  if (file_ && o_.format != RowFormat::text)
    text += fmt::format(", their rows are in {}; the same command with --resume continues", o_.output);
  fail(Exit::stopped, text);
}

void Job::summarize(bool changed) const {
  constexpr Logger kLog("pcpredict");
  if (const int64_t others = file_ && file_->found() ? file_->found()->others() : 0; others > 0)
    kLog.line(fmt::format("{}: {} rows of images that are not among these are kept", o_.output, cli::grouped(others)));
  if (!changed)
    return kLog.line(fmt::format("{}: all {} rows are there, nothing to do", o_.output, cli::grouped(before())));
  const int64_t all = before() + done_;
  if (all < 2) return;
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  std::string text = fmt::format("{} images, {} failed", cli::grouped(all), cli::grouped(failed_));
  if (before() > 0) text += fmt::format(", {} of them before", cli::grouped(before()));
  if (before() == 0 && predictor_.info().calibration)
    for (const Verdict verdict : {Verdict::accepted, Verdict::review, Verdict::out_of_distribution}) {
      const auto n = verdicts_.contains(verdict) ? verdicts_.at(verdict) : 0;
      text += fmt::format(", {} {}", cli::grouped(n), counted_text(verdict, n));
    }
  kLog.line(fmt::format("{}; {:.0f} img/s", text, double(done_) / std::max(1e-9, seconds)));
}

}  // namespace pc::predict
