// A model's calibration by itself, and the answers that are made with it.
#include <cmath>

#include "models/calibration.h"
#include "tests/fuzz/heads.h"
#include "tests/fuzz/target.h"

using namespace pc;
using fuzz::kHeads;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  const std::string text(fuzz::as_text(data, size));
  return fuzz::expect_answer(size, [&] {
    const Calibration calibration = fuzz::read_of_heads(text, calibration_from_json);
    for (std::size_t h = 0; h < kHeads.size(); ++h) {
      const HeadCalibration& head = calibration.heads.at(h);
      for (const double p : probabilities({1.5f, -2, 0}, head.temperature))
        fuzz::expect(p >= 0 && p <= 1, "probabilities are probabilities");
      for (const Threshold& t : head.thresholds)
        fuzz::expect(t.of_label.size() == std::size_t(kHeads[h].classes), "a threshold per label");
    }
    const std::vector<std::vector<float>> logits{{1, 2}, {0, -1, 3}};
    if (calibration.novelty)
      fuzz::expect(std::isfinite(novelty(*calibration.novelty, logits)), "a novelty that is a number");
    const std::string written = to_json(calibration, kHeads).dump();
    fuzz::expect(to_json(fuzz::read_of_heads(written, calibration_from_json), kHeads).dump() == written,
                 "what is written is read again");
  });
}
