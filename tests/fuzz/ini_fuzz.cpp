// config.ini of pctrain; a configuration that was taken is written and read again, as resuming a run does.
#include "tests/fuzz/target.h"
#include "tools/runs/train_config.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  const std::string text(pc::fuzz::as_text(data, size));
  pc::fuzz::expect_answer(size, [&] { pc::parse_override(text); });
  pc::TrainConfig config;
  bool taken = false;
  pc::fuzz::expect_answer(size, [&] {
    config.read(pc::fuzz::as_file(text), {});
    taken = true;
  });
  if (!taken) return 0;
  return pc::fuzz::expect_answer(size, [&] {
    const std::string written = pc::to_ini(config.keys(), true);
    pc::TrainConfig again;
    again.read(pc::fuzz::as_file(written), {});
    pc::fuzz::expect(pc::to_ini(again.keys(), true) == written, "what to_ini writes, read_ini reads");
  });
}
