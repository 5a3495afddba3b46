// The gradient scaler's state on a device, as optimizers read it.
#pragma once

#include "kernels/grad_scaler/grad_scaler.h"
#include "kernels/runtime/memory.h"

namespace pc::test {

class ScalerState {
 public:
  ScalerState(Device device, const GradScalerState& state) : buffer_(device, sizeof state) {
    memory::copy(device, buffer_.data(), Device::cpu, &state, sizeof state);
  }
  GradScalerState* data() const { return buffer_.as<GradScalerState>(); }
  GradScalerState value() const {
    GradScalerState state;
    memory::copy(Device::cpu, &state, buffer_.device(), buffer_.data(), sizeof state);
    return state;
  }

 private:
  Buffer buffer_;
};

}  // namespace pc::test
