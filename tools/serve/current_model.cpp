#include "tools/serve/current_model.h"

#include <utility>

#include "kernels/base/error.h"
#include "kernels/base/thread.h"

namespace pc::serve {

CurrentModel::CurrentModel(Load load, Done done)
    : load_(std::move(load)), done_(std::move(done)), state_({.model = load_()}) {}

CurrentModel::~CurrentModel() {
  if (thread_.joinable()) thread_.join();
}

std::shared_ptr<ServedModel> CurrentModel::get() const {
  return state_.with([](const State& state) { return state.model; });
}

void CurrentModel::reload() {
  const auto is_loading = [](State& state) {
    state.wanted = true;
    return std::exchange(state.loading, true);
  };
  if (state_.with(is_loading)) return;
  if (thread_.joinable()) thread_.join();
  try {
    thread_ = start_thread([this] {
      while (take_wish()) load_next();
    });
  } catch (const Error& error) {
    state_.with([](State& state) { state.loading = state.wanted = false; });
    done_(&error);
  }
}

// False: nobody asked since the last load began, which was the last one of this thread.
bool CurrentModel::take_wish() {
  return state_.with([](State& state) { return state.loading = std::exchange(state.wanted, false); });
}

void CurrentModel::load_next() {
  try {
    std::shared_ptr<ServedModel> model = load_();
    state_.with([&](State& state) { state.model.swap(model); });
    model.reset();  // the one before, before anybody hears that it is over
    done_(nullptr);
  } catch (const std::exception& error) {
    done_(&error);
  }
}

}  // namespace pc::serve
