// The manifest next to the rows of pcpredict.
#include "tests/fuzz/target.h"
#include "tools/predict/manifest.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  return pc::fuzz::expect_answer(size, [=] {
    using namespace pc::predict;
    const Manifest manifest = manifest_from(pc::fuzz::as_text(data, size), "rows.manifest");
    const Manifest again = manifest_from(to_text(manifest), "rows.manifest");
    pc::fuzz::expect(difference(manifest, again).empty(), "it is read back as it was written");
    difference(manifest, Manifest{.made_with = {{"model", "a"}, {"--top-k", 5}}, .named = {{"model", "m"}}});
  });
}
