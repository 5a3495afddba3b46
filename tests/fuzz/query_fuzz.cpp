// Query strings of prediction requests: what is taken lies in its range, and an order of its own changes nothing.
#include <string>

#include "tests/fuzz/target.h"
#include "tools/serve/query.h"

namespace {

pc::ModelInfo calibrated() {
  pc::ModelInfo info;
  info.heads = {{"kind", {"a", "b"}}};
  info.calibration = {.heads = {{.temperature = 1, .thresholds = {{90, {0.5, 0.5}}, {95, {0.6, 0.6}}}}}, .novelty = {}};
  return info;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  return pc::fuzz::expect_answer(size, [=] {
    static const pc::ModelInfo info = calibrated();
    const std::string query(pc::fuzz::as_text(data, size));
    const pc::serve::PredictQuery all = pc::serve::parse_query(query, info, true);
    pc::fuzz::expect(all.style.top_k >= 1 && all.style.top_k <= 1'000'000, "top_k");
    pc::fuzz::expect(all.style.similar >= 0 && all.style.similar <= 100, "similar");
    pc::fuzz::expect(all.style.accept_at == 90 || all.style.accept_at == 95, "a precision that the model knows");
    // Without an index the same is taken, or it asks for similar products.
    if (query.find("similar") == query.npos) pc::serve::parse_query(query, info, false);
  });
}
