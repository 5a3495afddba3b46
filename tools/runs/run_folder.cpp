#include "tools/runs/run_folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "engine/state.h"
#include "kernels/base/directory.h"
#include "kernels/base/error.h"
#include "kernels/base/file.h"
#include "kernels/base/temporary.h"

namespace pc::runs {
namespace {

using nlohmann::json;

// What a run may change when it goes on: keys that change no bit of the result, and a larger number of epochs.
bool may_change(const std::string& name, const std::string& before, const std::string& now) {
  static const std::set<std::string> names{"train.threads", "train.cuda_graph", "train.save_every", "data.cache",
                                           "output.runs"};
  return names.contains(name) || (name == "train.epochs" && std::atoll(now.c_str()) > std::atoll(before.c_str()));
}

// The optimizer's momenta seen as members of a module, so that the state dict walks serve them too.
class OptimizerMembers : public Module {
 public:
  explicit OptimizerMembers(Optimizer& optimizer) : optimizer_(optimizer) {}
  void visit(const std::string& prefix, const Visitor& visitor) override {
    optimizer_.visit([&](const std::string& name, Var& value, Role role) { visitor(join(prefix, name), value, role); });
  }

 private:
  Optimizer& optimizer_;
};

// Model, its average and the optimizer under one roof, names told apart by their first part.
class Everything : public Module {
 public:
  Everything(Module& model, Module* average, Optimizer& optimizer)
      : model_(model), average_(average), optimizer_(optimizer) {}
  void visit(const std::string& prefix, const Visitor& visitor) override {
    model_.visit(join(prefix, "model"), visitor);
    if (average_) average_->visit(join(prefix, "average"), visitor);
    optimizer_.visit(join(prefix, "optimizer"), visitor);
  }

 private:
  Module& model_;
  Module* average_;
  OptimizerMembers optimizer_;
};

}  // namespace

RunFolder::RunFolder(const std::filesystem::path& path)
    : path_(path),
      lock_(folders_.make(path) / ".lock",
            path.string() + " is in use by another pctrain: wait for it, or choose another --name") {
  sweep_temporaries(path);
}

void RunFolder::match_config(const std::vector<cli::ConfigKey>& keys) const {
  const auto file = path_ / "config.ini";
  if (!path_exists(file) || (!path_exists(model_path()) && !path_exists(checkpoint_path()))) return;
  for (const cli::IniEntry& entry : cli::read_ini(file))
    for (const cli::ConfigKey& key : keys) {
      if (key.section != entry.section || key.key != entry.key) continue;
      if (key.get() == "auto") cli::apply_config({entry}, {key});
      if (key.get() != entry.value && !may_change(key.section + "." + key.key, entry.value, key.get()))
        fail(Exit::usage,
             fmt::format("{}: {}.{} was {} and is now {}; go back, choose another --name, or delete {} to start again",
                         entry.place, key.section, key.key, entry.value, key.get(), path_.string()));
    }
}

void RunFolder::write_config(const std::vector<cli::ConfigKey>& keys) {
  make_folders(path_ / "last");
  write_file_atomically(path_ / "config.ini", cli::to_ini(keys, false));
}

bool RunFolder::finished(int64_t epochs) const {
  const char* const results[] = {"model.safetensors", "held_back", "tensorboard", "report.html", "confusion.csv"};
  const auto is_there = [&](const char* result) { return path_exists(path_ / result); };
  if (!path_exists(checkpoint_path()) || !std::all_of(std::begin(results), std::end(results), is_there)) return false;
  const std::string path = checkpoint_path().string();
  return read_progress(read_safetensors(path).metadata, path).train.finished == epochs;
}

void RunFolder::log(const json& event) { append_to_file(path_ / "metrics.jsonl", event.dump() + "\n"); }

void RunFolder::sync_log() const {
  if (const auto file = path_ / "metrics.jsonl"; path_exists(file)) sync(open_regular(file), file);
}

int64_t RunFolder::log_bytes() const {
  const auto file = path_ / "metrics.jsonl";
  return path_exists(file) ? int64_t(std::filesystem::file_size(file)) : 0;
}

void RunFolder::truncate_log(int64_t bytes) {
  if (log_bytes() > bytes) std::filesystem::resize_file(path_ / "metrics.jsonl", std::uintmax_t(bytes));
}

void save_checkpoint(const RunFolder& run, Module& model, Module* average, Optimizer& optimizer,
                     const TrainState& state) {
  Everything all(model, average, optimizer);
  run.sync_log();
  save_state(run.checkpoint_path(), all, to_metadata({.train = state, .scaler = optimizer.state()}));
}

std::optional<TrainState> load_checkpoint(const RunFolder& run, Module& model, Module* average, Optimizer& optimizer,
                                          std::size_t heads) {
  if (!path_exists(run.checkpoint_path())) return std::nullopt;
  const std::string path = run.checkpoint_path().string();
  const WeightFile file = read_safetensors(path);
  Everything all(model, average, optimizer);
  load_strict(all, file, path);
  const Progress at = read_progress(file.metadata, path);
  if (at.train.hits.size() != heads)
    fail(Exit::data,
         fmt::format("{}: broken checkpoint: the sums of {} heads, not of {}", path, at.train.hits.size(), heads));
  optimizer.set_state(at.scaler);
  return at.train;
}

}  // namespace pc::runs
