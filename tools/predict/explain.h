// Why a picture got its answer: what speaks for a label, drawn over the picture.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "data/image.h"
#include "tools/predict/cam.h"
#include "tools/predict/predictor.h"

namespace pc::predict {

// The place of a head by its name, the first one for ""; Error(usage) naming those there are.
std::size_t explained_head(const ModelInfo& info, const std::string& name);

// Per head where the evidence lies for the label that it names, or finds most probable where it names none. `input` is
// what prepare() made of the picture; of several views the first one is looked at.
std::vector<Heat> evidence(Predictor& predictor, const Tensor& input, const Logits& logits);

// The picture as the network saw it, with one head's evidence drawn over it.
data::Image explain(Predictor& predictor, const Tensor& input, const Logits& logits, std::size_t head);

// Whether --explain names one heat map, FILE.png, and not a directory for them.
bool is_explanation_file(const std::string& path);
// Errors: Error(usage) for another suffix than .png, and if one heat map cannot hold those of all `images` (unknown
// while a list is read); as check_output.
void check_explanation(const std::string& path, std::optional<int64_t> images, bool force);

// Where the heat map of a picture goes below a folder: DIR/a/b.jpg.png for a/b.jpg, whatever the path; never outside.
std::filesystem::path explanation_path(const std::filesystem::path& folder, const std::string& file);

}  // namespace pc::predict
