// pcserve behind its server: which path is answered by what.
#pragma once

#include <atomic>
#include <filesystem>
#include <string>
#include <vector>

#include "tools/serve/access.h"
#include "tools/serve/current_model.h"
#include "tools/serve/predict_routes.h"
#include "tools/serve/routes.h"

namespace pc::serve {

struct AppSettings {
  std::filesystem::path model, index;  // index "": no similar products
  std::string name;                    // of the model in paths
  predict::NetworkOptions network;
  BatchSettings batch;
  Access access;
  int workers = 2;  // that decode
  bool log = false;
};

class App : public Service {
 public:
  explicit App(const AppSettings& settings);  // loads the model: errors as open_model
  std::optional<Response> refuse(const Request& request) override;
  void answer(Request request, Respond respond) override;
  void record(const Exchange& exchange) override;
  void connections(std::size_t open) override { open_ = open; }
  void reload() override { model_.reload(); }
  void drain() override { draining_ = true; }

  // The handlers of the routes.
  void page(Call& call);
  void predict(Call& call);
  void infer(Call& call);
  void server_info(Call& call);
  void model_info(Call& call);
  void live(Call& call);
  void ready(Call& call);
  void metrics(Call& call);
  void openapi(Call& call);

 private:
  const Route* route(const std::string& path) const;
  void reloaded(const std::exception* error);

  AppSettings settings_;
  std::vector<Route> routes_;
  std::atomic<bool> draining_ = false;
  std::atomic<std::size_t> open_ = 0;
  Metrics metrics_;  // outlives those who count
  CurrentModel model_;
  Workers workers_;
  Batcher batcher_;
};

}  // namespace pc::serve
