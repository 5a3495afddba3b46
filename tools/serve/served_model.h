// The model that answers, and the index of similar products beside it.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "tools/predict/neighbors.h"
#include "tools/predict/network_options.h"

namespace pc::serve {

// A model file ready to serve. Only the thread that runs the network touches more of the predictor than info(),
// decoding() and prepare().
struct ServedModel {
  std::string name;
  predict::Predictor predictor;
  std::unique_ptr<const predict::EmbeddingIndex> index;  // of a catalog; none where none was given
};

// "fashion" for runs/fashion/model.safetensors, else the file's name without its extension; letters, digits and ._-
// only.
std::string model_name(const std::filesystem::path& file);
// Whether a path may name a model so: such characters only, not "." or "..".
bool is_model_name(const std::string& name);

// Reads it, and the index unless that is "", and sends one gray picture through it. Nothing depends on the files after
// that: they may be copied over at any time. Errors: as Predictor and
// EmbeddingIndex.
std::shared_ptr<ServedModel> open_model(const std::filesystem::path& file, const std::string& name,
                                        const predict::NetworkOptions& options,
                                        const std::filesystem::path& index = {});

}  // namespace pc::serve
