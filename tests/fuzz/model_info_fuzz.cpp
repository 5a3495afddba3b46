// The description in a model file: sizes stay within their bounds, and what was taken is written and read again.
#include "models/model_info.h"
#include "tests/fuzz/target.h"

using namespace pc;

namespace {

void check(const ModelInfo& info) {
  using fuzz::expect;
  const Preprocess& p = info.preprocess;
  expect(p.height >= 1 && p.height <= kMaxInputSide && p.width >= 1 && p.width <= kMaxInputSide, "a bounded input");
  for (const float s : p.std) expect(s > 0, "a deviation to divide by");
  std::size_t classes = 0;
  for (const Head& head : info.heads) {
    expect(!head.labels.empty(), "a head has labels");
    classes += head.labels.size();
  }
  expect(classes >= 1 && classes <= std::size_t(kMaxClasses), "bounded classes");
  for (const Link& link : info.hierarchy)
    expect(link.fine < info.heads.size() && link.coarse < info.heads.size(), "links of heads");
  std::vector<std::vector<float>> logits;
  for (const Head& head : info.heads) logits.emplace_back(head.labels.size(), 0.5f);
  const std::vector<double> temperatures(info.heads.size(), 1);
  fuzz::expect(joint_labels(info.hierarchy, logits, temperatures).size() == info.heads.size(), "a label per head");
  if (info.calibration && info.calibration->novelty) {
    const double score = novelty(*info.calibration->novelty, logits);
    expect(score == score, "a novelty that is a number");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  const std::string text(fuzz::as_text(data, size));
  return fuzz::expect_answer(size, [&] {
    const ModelInfo info = info_from_metadata({{"pc.model", text}}, "input");
    check(info);
    const auto written = to_metadata(info);
    fuzz::expect(to_metadata(info_from_metadata(written, "input")) == written, "what is written is read again");
  });
}
