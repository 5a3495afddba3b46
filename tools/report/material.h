// What the sections of a report are made from: the tested pictures of any evaluation.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tools/html/html.h"
#include "tools/report/test_pass.h"

namespace pc {

struct Material {
  std::vector<TestedHead> heads;
  std::function<Image(uint32_t item)> image;
  std::function<std::string(uint32_t item)> file;
  Thumbnails thumbnails = Thumbnails(kThumbBytes);

  const std::string& label(std::size_t head, int label) const { return heads[head].classes[std::size_t(label)]; }
  // What the network answered, in its own words.
  const std::string& answer(std::size_t head, const Tested& t) const {
    return heads[head].labels[std::size_t(t.label)];
  }
  std::string picture(uint32_t item);

  static constexpr std::size_t kThumbBytes = 3'200'000;  // with the text of the sections, a page stays below 5 MB
};

}  // namespace pc
