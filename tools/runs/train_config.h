// Everything that config.ini may say to pctrain, with its defaults. What is "auto" is chosen from the data: auto_config.h.
#pragma once

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "kernels/runtime/dtype.h"
#include "tools/cli/ini.h"

namespace pc::runs {

struct TrainConfig {
  struct {
    std::string root;
    std::vector<std::string> labels;
    std::vector<std::string> min_count{"1"};
    std::string rare = "other";
    std::string split = "safe", split_file;
    double val = 0.1, test = 0.1;
    int64_t seed = 1, limit = 0;
    std::string sampling = "none", sampling_head;
    double max_bad = 0.01;
    std::string cache;
  } data;
  struct {
    std::string architecture = "resnet18", weights = "auto";
    std::vector<std::string> freeze;
    int64_t height = cli::kAuto, width = cli::kAuto;
    std::string resize = "auto";
  } model;
  struct {
    int64_t epochs = 10, batch = cli::kAuto;
    double lr = cli::kAuto;
    std::string optimizer = "sgd";
    double momentum = 0.9;
    bool nesterov = true;
    double weight_decay = 5e-4;
    std::string schedule = "one_cycle";
    double warm_up = 0.25, label_smoothing = 0.05, clip = 0;
    std::vector<std::string> head_weights;
    std::string class_weights = "none";
    std::string precision = "f32", device = "cpu";
    int64_t head_epochs = 0, unfreeze_epochs = 0, accumulate = 1;
    double ema = 0;
    double layer_decay = 1;
    int64_t patience = 0;
    double max_minutes = 0;
    bool drop_last = true;
    bool cuda_graph = false;
    int64_t threads = 0, seed = 1, save_every = 0;
  } train;
  struct {
    double flip = 0.5, min_area = 0.7, max_area = 1, max_stretch = 1.2, rotate = 0;
    double brightness = 0, contrast = 0, saturation = 0, temperature = 0;
    double trivial = 0, erase = 0, background = 0, mixup = 0, cutmix = 0;
  } augment;
  struct {
    std::string runs = "runs", name = "run";
  } output;

  // Keys bound to the fields of this object, which must stay where it is.
  std::vector<cli::ConfigKey> keys();
  // Takes the entries over, the last of a key counts, and checks what one key alone cannot tell; `name` stands for them in messages. Errors: Error(usage).
  void apply(const std::string& name, const std::vector<cli::IniEntry>& entries);
  // The same for a file, with overrides as "section.key=value".
  void read(const std::filesystem::path& path, const std::vector<std::string>& overrides);
  // One number per label column, from data.min_count and train.head_weights.
  std::vector<int64_t> min_counts() const;
  std::vector<float> head_weights() const;
  // train.device. Error(usage) where this machine does not have it.
  Device device() const;
  // Pictures that are scored at once.
  int scoring_batch() const { return int(std::min<int64_t>(train.batch, 64)); }
};

}  // namespace pc::runs
