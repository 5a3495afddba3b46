// conv-engines.txt, the engines chosen for convolutions.
#include "kernels/conv2d/conv2d_choices.h"
#include "tests/fuzz/target.h"

using namespace pc;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  const std::string text(fuzz::as_text(data, size));
  return fuzz::expect_answer(size, [&] {
    Conv2dChoices choices, again;
    add_conv2d_choices(choices, text, "input");
    for (const auto& [convolution, engine] : choices)
      fuzz::expect(convolution.find("; ") != convolution.npos && !engine.empty(),
                   "a device, a convolution and an engine");
    add_conv2d_choices(again, to_text(choices), "input");
    fuzz::expect(again == choices, "what is written is read again");
  });
}
