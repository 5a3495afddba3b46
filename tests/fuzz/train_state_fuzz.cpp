// Where a run stands, from the metadata of its checkpoint: the two texts are apart by a NUL.
#include "tests/fuzz/target.h"
#include "tools/runs/train_state.h"

using namespace pc;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  const std::string text(fuzz::as_text(data, size));
  const std::size_t cut = std::min(text.find('\0'), text.size());
  return fuzz::expect_answer(size, [&] {
    const runs::Progress at = runs::read_progress(
        {{"pc.train", text.substr(0, cut)}, {"pc.scaler", cut == text.size() ? "{}" : text.substr(cut + 1)}}, "input");
    fuzz::expect(at.train.hits.size() == at.train.loss_sums.size() && at.train.seen.size() == at.train.hits.size(),
                 "sums of every head");
    fuzz::expect(at.train.step >= 0 && at.train.epoch >= 0 && at.train.log_bytes >= 0, "counts");
    const auto written = runs::to_metadata(at);
    fuzz::expect(runs::to_metadata(runs::read_progress(written, "input")) == written, "what is written is read again");
  });
}
