// What "auto" in the configuration of a run stands for, chosen from its data. Each choice is reported on stderr.
#pragma once

#include "data/catalog.h"
#include "tools/runs/train_config.h"

namespace pc::runs {

// model.weights: those that pcdata fetch has for the architecture if they were fetched, else random ones. Returns a line for people about
// that choice; "" if there was none to make.
std::string choose_weights(TrainConfig& config);

// The file that model.weights names: itself, or the one that pcdata fetch leaves under that name, whether it is there or not.
std::filesystem::path weights_file(const TrainConfig& config);

// model.height, width and resize, from the headers of up to 500 images, evenly spaced: the shape that most of them have,
// at their own size or, above 224 x 224 pixels (what ImageNet weights were trained on), at that area in multiples of 32.
// Nearly all of one shape are stretched, others padded.
void choose_input(TrainConfig& config, const data::DataSet& data);

// train.batch: 64, halved down to 8 until an epoch has twenty steps. train.lr: proportional to the images of a step for sgd
// (Goyal et al., arXiv:1706.02677), to their square root for adamw (Malladi et al., arXiv:2205.10287); less from given weights.
void choose_step(TrainConfig& config, int64_t training_images);

}  // namespace pc::runs
