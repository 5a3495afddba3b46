// The model that answers, and the thread on which the next one is loaded.
#pragma once

#include <exception>
#include <functional>
#include <memory>
#include <thread>

#include "kernels/base/guarded.h"
#include "tools/serve/served_model.h"

namespace pc::serve {

class CurrentModel {
 public:
  using Load = std::function<std::shared_ptr<ServedModel>()>;
  using Done = std::function<void(const std::exception* error)>;  // null: the new model answers
  // Loads the first model, on this thread; errors as `load`. `done` reports what became of each reload, on the thread of that.
  CurrentModel(Load load, Done done);
  ~CurrentModel();  // waits for the end of a reload
  CurrentModel(const CurrentModel&) = delete;
  CurrentModel& operator=(const CurrentModel&) = delete;
  // From any thread. The model lives until its last user has let it go.
  std::shared_ptr<ServedModel> get() const;
  // The next model is loaded while this one answers, which stays if the next one cannot be had. Asked for while a model is loaded, another
  // load follows: the file may be another one by now. Called on one thread.
  void reload();

 private:
  bool take_wish();
  void load_next();
  struct State {
    std::shared_ptr<ServedModel> model;
    bool loading = false, wanted = false;
  };
  Load load_;
  Done done_;
  Guarded<State> state_;
  std::thread thread_;
};

}  // namespace pc::serve
