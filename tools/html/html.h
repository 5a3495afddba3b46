// Pages that need nothing but themselves: escaping, the frame, thumbnails within the page.
#pragma once

#include <cstddef>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "data/image.h"

namespace pc::html {

// Text as HTML: & < > " ' escaped, control characters and broken UTF-8 shown as U+FFFD.
std::string html_text(const std::string& text);

// A file's name as HTML that may break behind each / _ - and before a dot, rather than within a word.
std::string file_text(const std::string& name);

// The whole document: the style that all pages share, then the page's own; `title` is text, `body` HTML.
std::string html_page(const std::string& title, const std::string& style, const std::string& body);

// The longer side is at most 80 pixels.
data::Image thumbnail(const data::Image& image);

// Thumbnails as CSS classes, so that a picture shown twice is stored once.
class Thumbnails {
 public:
  explicit Thumbnails(std::size_t bytes) : budget_(bytes) {}
  // An element that shows the picture called `key` (a name of CSS, such as "p12"), described by `label`. `draw` is
  // asked at the first use. An empty frame if it throws, and for every new picture once one would take more than the
  // bytes given.
  std::string show(const std::string& key, const std::string& label, const std::function<data::Image()>& draw);
  // For the page's style, once all is shown; reports on stderr how many images could not be read.
  const std::string& css() const;
  bool left_out() const { return left_out_; }

 private:
  void add(const std::string& key, const std::string& label, const std::function<data::Image()>& draw);
  std::size_t budget_;
  std::set<std::string> shown_, broken_;
  std::string first_problem_;
  std::string css_;
  bool left_out_ = false;
};

}  // namespace pc::html
