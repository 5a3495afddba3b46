#include "tools/runs/train_config.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/preprocess.h"
#include "kernels/base/error.h"
#include "kernels/runtime/select.h"
#include "models/architectures.h"
#include "tools/cli/number.h"

namespace pc::runs {
namespace {

// One number per label column: as many as there are columns, one for all of them, or none for 1 each.
template <class T>
std::vector<T> per_column(const char* key, const char* wants, const std::vector<std::string>& texts,
                          const std::vector<std::string>& columns, T least) {
  std::vector<T> numbers;
  for (const std::string& text : texts) {
    const auto number = cli::number_in(text, least, T(1'000'000'000));
    if (!number) fail(Exit::usage, fmt::format("{}: {}: requires {}", key, text, wants));
    numbers.push_back(*number);
  }
  const std::size_t count = std::max<std::size_t>(1, columns.size());
  if (numbers.size() <= 1) return std::vector<T>(count, numbers.empty() ? T(1) : numbers.front());
  if (numbers.size() != count)
    fail(Exit::usage, fmt::format("{}: {} numbers for {} label columns", key, numbers.size(), count));
  return numbers;
}

}  // namespace

std::vector<cli::ConfigKey> TrainConfig::keys() {
  constexpr int64_t kMany = 1'000'000'000;
  return {
      cli::text_key("data", "root", data.root,
                    "a Kaggle archive (.zip) or folder, a folder of IDX files, or one folder per class"),
      cli::list_key("data", "labels", data.labels, "label columns, one head each; empty: the only one there is"),
      cli::list_key("data", "min_count", data.min_count,
                    "classes with fewer images are rare; one number, or one for each label column"),
      cli::choice_key("data", "rare", data.rare, {"other", "drop"}, "rare classes become \"Other\", or no label"),
      cli::choice_key("data", "split", data.split, {"safe", "random", "year", "brand"},
                      "safe: near duplicates and products of one name stay on one side; random: image by image; both "
                      "keep a split that the "
                      "data comes with; year: whole years are the test, the newest first, until data.test is reached; "
                      "brand: no brand is on two sides"),
      cli::text_key("data", "split_file", data.split_file,
                    "a split.csv to take the split from, in place of data.split"),
      cli::number_key("data", "val", data.val, 0, 0.9, "share of the images for validation"),
      cli::number_key("data", "test", data.test, 0, 0.9, "share of the images held back for the test"),
      cli::int_key("data", "seed", data.seed, 0, kMany, "draws the split"),
      cli::int_key("data", "limit", data.limit, 0, kMany, "train on this many random images; 0: all"),
      cli::choice_key("data", "sampling", data.sampling, {"none", "sqrt", "balanced"},
                      "how often an epoch samples a class of n images: in proportion to n, to its square root, or "
                      "equally often for all"),
      cli::text_key("data", "sampling_head", data.sampling_head,
                    "the label column whose classes data.sampling means; empty: the last"),
      cli::number_key("data", "max_bad", data.max_bad, 0, 1, "more than this share of unreadable images stops the run"),
      cli::text_key("data", "cache", data.cache, "folder of the packed images; empty: $XDG_CACHE_HOME/pc"),
      cli::choice_key("model", "architecture", model.architecture, architectures(), "the backbone"),
      cli::text_key(
          "model", "weights", model.weights,
          "starting weights: a file (.pth, .safetensors: what pcconvert reads) or a name that pcdata fetch knows; "
          "auto: the architecture's if they were fetched; empty: random; heads of another size start from random "
          "weights"),
      cli::list_key("model", "freeze", model.freeze,
                    "name prefixes of parameters that stay as they are, or \"backbone\""),
      cli::or_auto(cli::int_key("model", "height", model.height, 16, kMaxInputSide,
                                "input height in pixels; auto, for both: the shape most images have, about 224 x 224 "
                                "pixels at most"),
                   model.height),
      cli::or_auto(cli::int_key("model", "width", model.width, 16, kMaxInputSide, "input width in pixels"),
                   model.width),
      cli::choice_key("model", "resize", model.resize, {"auto", "stretch", "pad", "crop"},
                      "how an image is fitted into the input; auto: stretch if nearly all images have its shape, else "
                      "pad"),
      cli::int_key("train", "epochs", train.epochs, 1, kMany, "passes over the training images"),
      cli::or_auto(cli::int_key("train", "batch", train.batch, 2, 65536,
                                "images per step; auto: 64, fewer if an epoch had less than 20 steps then"),
                   train.batch),
      cli::or_auto(cli::number_key("train", "lr", train.lr, 0, 1000,
                                   "peak learning rate; auto: by optimizer, batch and starting weights"),
                   train.lr),
      cli::choice_key("train", "optimizer", train.optimizer, {"sgd", "adamw"}, "rule that updates the weights"),
      cli::number_key("train", "momentum", train.momentum, 0, 1, "of sgd"),
      cli::flag_key("train", "nesterov", train.nesterov, "of sgd"),
      cli::number_key("train", "weight_decay", train.weight_decay, 0, 100,
                      "on filters and matrices; norms and biases have none"),
      cli::choice_key("train", "schedule", train.schedule, {"one_cycle", "cosine", "constant"},
                      "learning rate over the run"),
      cli::number_key("train", "warm_up", train.warm_up, 0, 1, "share of the steps that rise to the peak"),
      cli::number_key("train", "label_smoothing", train.label_smoothing, 0, 0.99,
                      "share of the target spread over all classes"),
      cli::number_key("train", "clip", train.clip, 0, 1e9, "largest norm of the gradient; 0: none"),
      cli::list_key("train", "head_weights", train.head_weights,
                    "weight of each label column in the loss; empty: 1 each"),
      cli::choice_key("train", "class_weights", train.class_weights, {"none", "sqrt", "inverse", "effective"},
                      "what an image of a class of n counts in the loss: 1, n^-1/2, 1/n, or 1/(1 - 0.999^n)"),
      cli::int_key("train", "head_epochs", train.head_epochs, 0, kMany, "first epochs, in which only the heads learn"),
      cli::int_key(
          "train", "unfreeze_epochs", train.unfreeze_epochs, 0, kMany,
          "epochs between one stage and the next that joins the heads, from the last to the stem; 0: all join at once"),
      cli::int_key("train", "accumulate", train.accumulate, 1, 65536, "batches whose gradients make one step"),
      cli::flag_key("train", "drop_last", train.drop_last,
                    "drop an epoch's last incomplete batch, other images every time; no: that step is smaller"),
      cli::number_key("train", "ema", train.ema, 0, 0.999999,
                      "decay per step of the weights' running average, which is the result then; 0: none"),
      cli::number_key("train", "layer_decay", train.layer_decay, 0.01, 1,
                      "learning rate of a stage, as a share of the stage's after it"),
      cli::int_key(
          "train", "patience", train.patience, 0, kMany,
          "epochs without a better validation accuracy that end the run, the best weights are the result then; 0: "
          "all epochs"),
      cli::number_key("train", "max_minutes", train.max_minutes, 0, 1e6,
                      "minutes of training after which no epoch begins; 0: no limit"),
      cli::choice_key("train", "precision", train.precision, {"f32", "bf16", "f16"},
                      "type of the activations; weights are f32"),
      cli::choice_key("train", "device", train.device, {"cpu", "cuda"}, "where to compute"),
      cli::int_key("train", "threads", train.threads, 0, 1024, "CPU threads; 0: one per core"),
      cli::int_key("train", "seed", train.seed, 0, kMany, "draws weights, order and augmentation"),
      cli::flag_key("train", "cuda_graph", train.cuda_graph,
                    "on cuda: a step is recorded once and then repeated as one CUDA graph"),
      cli::int_key("train", "save_every", train.save_every, 0, kMany,
                   "steps between checkpoints; 0: at the end of each epoch"),
      cli::number_key("augment", "flip", augment.flip, 0, 1, "probability of mirroring"),
      cli::number_key("augment", "min_area", augment.min_area, 0.01, 1,
                      "smallest share of the image that a random crop keeps"),
      cli::number_key("augment", "max_area", augment.max_area, 1, 16,
                      "largest share; above 1 the image appears smaller, with background around it"),
      cli::number_key("augment", "max_stretch", augment.max_stretch, 1, 10, "largest change of a crop's aspect ratio"),
      cli::number_key("augment", "rotate", augment.rotate, 0, 180, "largest rotation, in degrees"),
      cli::number_key("augment", "brightness", augment.brightness, 0, 1, "largest relative change of the brightness"),
      cli::number_key("augment", "contrast", augment.contrast, 0, 1, "largest relative change of the contrast"),
      cli::number_key("augment", "saturation", augment.saturation, 0, 1, "largest relative change of the saturation"),
      cli::number_key("augment", "temperature", augment.temperature, 0, 1,
                      "largest relative change of red against blue"),
      cli::number_key("augment", "trivial", augment.trivial, 0, 1,
                      "probability of one drawn operation as strong as drawn (TrivialAugment): translate, shear, "
                      "rotate, brightness, "
                      "saturation, contrast, posterize, solarize, or none"),
      cli::number_key("augment", "erase", augment.erase, 0, 1, "probability that a rectangle is blanked"),
      cli::number_key("augment", "background", augment.background, 0, 1,
                      "probability that an object on white is composited onto another surface"),
      cli::number_key("augment", "mixup", augment.mixup, 0, 1,
                      "a of Beta(a, a), the shares in which two images are blended; 0: never"),
      cli::number_key("augment", "cutmix", augment.cutmix, 0, 1,
                      "a of Beta(a, a), the shares of the rectangle that two images exchange; 0: never"),
      cli::text_key("output", "runs", output.runs, "folder of all runs"),
      cli::text_key("output", "name", output.name, "this run writes to RUNS/NAME"),
  };
}

void TrainConfig::apply(const std::string& name, const std::vector<cli::IniEntry>& entries) {
  cli::apply_config(entries, keys());
  if (data.root.empty())
    fail(Exit::usage, name + ": data.root is not set; name the images' folder there, or with --set data.root=DIR");
  if (data.val + data.test >= 1)
    fail(Exit::usage, fmt::format("{}: data.val + data.test = {}: nothing is left to train on; lower one of them", name,
                                  data.val + data.test));
  if (output.name.empty() || output.name.find('/') != std::string::npos)
    fail(Exit::usage, fmt::format("{}: output.name = {}: requires a plain folder name", name, output.name));
  if (train.precision == "f16" && train.device == "cpu")
    fail(Exit::usage, name + ": train.precision = f16: only on train.device = cuda; use bf16 or f32");
  if (train.patience > 0 && data.val == 0 && data.split_file.empty())
    fail(Exit::usage,
         fmt::format("{}: train.patience = {}: needs validation images, data.val is 0", name, train.patience));
  min_counts();
  head_weights();
}

void TrainConfig::read(const std::filesystem::path& path, const std::vector<std::string>& overrides) {
  std::vector<cli::IniEntry> entries = cli::read_ini(path);
  for (const std::string& text : overrides) entries.push_back(cli::parse_override(text));
  apply(path.string(), entries);
}

std::vector<int64_t> TrainConfig::min_counts() const {
  return per_column<int64_t>("data.min_count", "a whole number of 1 or more", data.min_count, data.labels, 1);
}

Device TrainConfig::device() const {
  const Device device = device_from_name(train.device);
  if (device == Device::cuda && !cuda_available())
    fail(Exit::usage, "train.device = cuda: no usable CUDA device (pcdoctor says why); use train.device = cpu");
  return device;
}

std::vector<float> TrainConfig::head_weights() const {
  return per_column<float>("train.head_weights", "a number of 0 or more", train.head_weights, data.labels, 0);
}

}  // namespace pc::runs
