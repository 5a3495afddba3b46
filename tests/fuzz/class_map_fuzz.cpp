// The class map of pceval.
#include <string>
#include <vector>

#include "tests/fuzz/target.h"
#include "tools/evaluate/class_map.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  static const std::vector<std::string> classes{"a", "b c", "d"}, labels{"x", "y z", "a"};
  return pc::fuzz::expect_answer(size, [=] {
    pc::evaluate::ClassMap map;
    map.add(pc::fuzz::as_file(pc::fuzz::as_text(data, size)));
    pc::fuzz::expect(!map.empty(), "a map that is read has pairs");
    const auto correct = map.correct_labels(classes, labels);
    pc::fuzz::expect(correct.size() == classes.size(), "labels for every class");
    for (const auto& of_class : correct)
      for (const int32_t label : of_class)
        pc::fuzz::expect(label >= 0 && std::size_t(label) < labels.size(), "a label is one of those there are");
    pc::fuzz::expect(map.known(labels).size() + map.unknown(labels).size() > 0, "a label is known or not");
    map.check_classes(classes, "input");
  });
}
