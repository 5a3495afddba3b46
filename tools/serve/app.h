// pcserve behind its server: which path is answered by what.
#pragma once

#include <atomic>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "tools/serve/access.h"
#include "tools/serve/predict_routes.h"
#include "tools/serve/service.h"

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
  ~App() override;
  std::optional<Response> refuse(const Request& request) override;
  void answer(Request request, Respond respond) override;
  void record(const Exchange& exchange) override;
  void connections(std::size_t open) override { open_ = open; }
  void reload() override;
  void drain() override { draining_ = true; }

 private:
  using Handler = void (App::*)(Request&, const Respond&);
  struct Route {
    std::string path;
    const char* method;  // "GET" (HEAD goes with it) or "POST"
    Handler handler;
    Guard guard = Guard::token;
    std::vector<std::string> types = {};  // of the body
  };
  static std::vector<Route> routes(const std::string& name);
  const Route* route(const std::string& path) const;
  std::shared_ptr<ServedModel> model() const;
  PredictPipeline pipeline() { return {model(), batcher_, workers_, metrics_}; }
  bool wants_reload();
  void load_anew();

  void page(Request& request, const Respond& respond);
  void predict(Request& request, const Respond& respond);
  void infer(Request& request, const Respond& respond);
  void server_info(Request& request, const Respond& respond);
  void model_info(Request& request, const Respond& respond);
  void live(Request& request, const Respond& respond);
  void ready(Request& request, const Respond& respond);
  void metrics(Request& request, const Respond& respond);
  void openapi(Request& request, const Respond& respond);

  AppSettings settings_;
  std::vector<Route> routes_;
  mutable std::mutex mutex_;
  std::shared_ptr<ServedModel> model_;
  bool reloading_ = false, reload_wanted_ = false;
  std::atomic<bool> draining_ = false;
  std::atomic<std::size_t> open_ = 0;
  Metrics metrics_;
  Workers workers_;
  Batcher batcher_;
  std::thread reloader_;
};

}  // namespace pc::serve
