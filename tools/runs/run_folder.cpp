#include "tools/runs/run_folder.h"

#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "engine/safetensors_write.h"
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

json to_json(const TrainState& s) {
  return {{"epoch", s.epoch},
          {"step", s.step},
          {"total_steps", s.total_steps},
          {"loss_sums", s.loss_sums},
          {"hits", s.hits},
          {"seen", s.seen},
          {"best", s.best},
          {"best_epoch", s.best_epoch},
          {"finished", s.finished},
          {"seconds", s.seconds},
          {"log_bytes", s.log_bytes}};
}

TrainState state_from_json(const json& j) {
  return {.epoch = j.at("epoch"),
          .step = j.at("step"),
          .total_steps = j.at("total_steps"),
          .loss_sums = j.at("loss_sums"),
          .hits = j.at("hits"),
          .seen = j.at("seen"),
          .best = j.at("best"),
          .best_epoch = j.at("best_epoch"),
          .finished = j.at("finished"),
          .seconds = j.at("seconds"),
          .log_bytes = j.at("log_bytes")};
}

json to_json(const GradScalerState& s) {
  return {{"loss_scale", s.scale}, {"good_steps", s.good_steps}, {"steps", s.steps}, {"updates", s.updates}};
}

GradScalerState scaler_from_json(const json& j) {
  return {.scale = j.at("loss_scale"),
          .good_steps = j.at("good_steps"),
          .steps = j.at("steps"),
          .updates = j.at("updates")};
}

struct Progressed {
  TrainState train;
  GradScalerState scaler;
};

Progressed read_state(const WeightFile& file, const std::string& path) {
  for (const char* key : {"pc.train", "pc.scaler"})
    if (!file.metadata.contains(key))
      fail(Exit::data,
           fmt::format(
               "{}: has no {}: another version of pctrain wrote it; go on with that one, or choose another output.name",
               path, key));
  try {
    return {state_from_json(json::parse(file.metadata.at("pc.train"))),
            scaler_from_json(json::parse(file.metadata.at("pc.scaler")))};
  } catch (const std::exception& e) {
    fail(Exit::data, path + ": broken checkpoint: " + e.what());
  }
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
      lock_(make_folders(path) / ".lock",
            path.string() + " is in use by another pctrain: wait for it, or choose another output.name") {
  make_folders(path / "last");
  sweep_temporaries(path);  // what a killed run was writing when it died
}

void RunFolder::claim(const std::vector<cli::ConfigKey>& keys) {
  const auto file = path_ / "config.ini";
  if (std::filesystem::exists(file) &&
      (std::filesystem::exists(model_path()) || std::filesystem::exists(checkpoint_path()))) {
    for (const cli::IniEntry& entry : cli::read_ini(file))
      for (const cli::ConfigKey& key : keys)
        if (key.section == entry.section && key.key == entry.key && key.get() != entry.value &&
            !may_change(key.section + "." + key.key, entry.value, key.get()))
          fail(Exit::usage,
               fmt::format("{}: {}.{} was {} and is now {}; choose another output.name, or delete {} to start anew",
                           entry.place, key.section, key.key, entry.value, key.get(), path_.string()));
  }
  write_file_atomically(file, cli::to_ini(keys, false));
}

bool RunFolder::finished(int64_t epochs) const {
  if (!std::filesystem::exists(model_path()) || !std::filesystem::exists(checkpoint_path())) return false;
  const std::string path = checkpoint_path().string();
  return read_state(read_safetensors(path), path).train.finished == epochs;
}

void RunFolder::log(const json& event) { append_to_file(path_ / "metrics.jsonl", event.dump() + "\n"); }

int64_t RunFolder::log_bytes() const {
  std::error_code absent;
  const auto size = std::filesystem::file_size(path_ / "metrics.jsonl", absent);
  return absent ? 0 : int64_t(size);
}

void RunFolder::truncate_log(int64_t bytes) {
  if (log_bytes() > bytes) std::filesystem::resize_file(path_ / "metrics.jsonl", std::uintmax_t(bytes));
}

void save_checkpoint(const RunFolder& run, Module& model, Module* average, Optimizer& optimizer,
                     const TrainState& state) {
  Everything all(model, average, optimizer);
  write_safetensors(run.checkpoint_path(), {.tensors = state_dict(all),
                                            .metadata = {{"pc.train", to_json(state).dump()},
                                                         {"pc.scaler", to_json(optimizer.state()).dump()}}});
}

std::optional<TrainState> load_checkpoint(const RunFolder& run, Module& model, Module* average, Optimizer& optimizer) {
  if (!std::filesystem::exists(run.checkpoint_path())) return std::nullopt;
  const std::string path = run.checkpoint_path().string();
  const WeightFile file = read_safetensors(path);
  Everything all(model, average, optimizer);
  load_strict(all, file, path);
  const Progressed at = read_state(file, path);
  optimizer.set_state(at.scaler);
  return at.train;
}

}  // namespace pc::runs
