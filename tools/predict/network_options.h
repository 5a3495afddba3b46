// The command line's say in how a network runs, the same for every program that predicts.
#pragma once

#include <string>

#include "tools/predict/predictor.h"

namespace CLI {
class App;
}

namespace pc::predict {

struct NetworkOptions {
  std::string device = "cpu", precision = "f32";
  int threads = 0, batch = 32;  // batch 0: automatic_batch()
  bool views = false;           // test-time augmentation
  bool adapt = false;           // batch-norm statistics re-estimated on the pictures, see NormAdapter
};

// --device, --precision, --threads and --batch-size.
void add_network_options(CLI::App& app, NetworkOptions& options);

PredictorSettings predictor_settings(const NetworkOptions& options);

// `named`, or else default_model(), which a line on stderr names then, with the reason.
std::filesystem::path chosen_model(const std::string& named, const char* program);

// Sets this thread's number of threads too. Errors: as Predictor.
Predictor open_predictor(const std::filesystem::path& model, const NetworkOptions& options);

// What is out of the ordinary, for the head of a report: a line for views and one for adapt, "" where both are off.
std::string conditions(const NetworkOptions& options);

}  // namespace pc::predict
