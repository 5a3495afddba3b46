// metrics.jsonl, read back by a run's report.
#include <nlohmann/json.hpp>

#include "tests/fuzz/target.h"
#include "tools/runs/events.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  const std::string text(pc::fuzz::as_text(data, size));
  return pc::fuzz::expect_answer(size, [&] {
    for (const nlohmann::json& event : pc::runs::parse_events(text, "metrics.jsonl")) {
      pc::fuzz::expect(event.at("event").is_string(), "each event has its kind");
      pc::runs::number_at(event, {"heads", "label", "test", "before", "ece"});
      pc::runs::number_at(event, {"epoch"});
    }
  });
}
