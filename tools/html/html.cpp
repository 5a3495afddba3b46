#include "tools/html/html.h"

#include <fmt/format.h>

#include <algorithm>

#include "data/guard.h"
#include "data/jpeg.h"
#include "data/resize.h"
#include "kernels/base/base64.h"
#include "kernels/base/logger.h"
#include "kernels/base/text.h"

namespace pc::html {
namespace {

constexpr const char* kStyle = R"(
:root{color-scheme:light dark;--line:#8884;--soft:#8881;--bar:#3a86c8;--bad:#c8452f}
body{font:15px/1.45 system-ui,sans-serif;margin:0 auto;max-width:76rem;padding:1rem}
h1{font-size:1.5rem;margin:.5rem 0;overflow-wrap:anywhere}h2{font-size:1.2rem;margin:2.2rem 0 .4rem;border-bottom:1px solid var(--line)}
h3{font-size:1rem;margin:1.4rem 0 .3rem}p{margin:.3rem 0;max-width:60rem}nav{display:flex;flex-wrap:wrap;gap:.2rem 1rem}
dl{display:grid;grid-template-columns:repeat(auto-fill,minmax(8.4rem,1fr));gap:.6rem;margin:1rem 0}
dl div{background:var(--soft);border-radius:.4rem;padding:.5rem .7rem}dt{font-size:.85rem;opacity:.75}dd{margin:0;font-size:1.25rem}
ul{padding-left:1.2rem;margin:.3rem 0;overflow-wrap:anywhere}
.groups{display:flex;flex-wrap:wrap;gap:.6rem}
.group{display:flex;flex-wrap:wrap;gap:.4rem;background:var(--soft);border-radius:.4rem;padding:.4rem}
figure{margin:0;width:7.2rem;text-align:center;font-size:.78rem;line-height:1.25;overflow-wrap:anywhere}
figure small{opacity:.7}
.p{display:inline-block;width:60px;height:80px;background:#fff center/contain no-repeat;border-radius:.2rem;print-color-adjust:exact}
.p.none{background:var(--soft)}
)";

}  // namespace

std::string html_text(const std::string& text) {
  std::string html;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = utf8_length(std::string_view(text).substr(at));
    const char c = text[at];
    if (length == 0 || static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      html += "\uFFFD";
    } else if (c == '&' || c == '<' || c == '>' || c == '"' || c == '\'') {
      html += fmt::format("&#{};", int(c));
    } else {
      html.append(text, at, length);
    }
    at += std::max<std::size_t>(1, length);
  }
  return html;
}

std::string file_text(const std::string& name) {
  std::string html;
  for (const char c : html_text(name)) {
    if (c == '.') html += "<wbr>";
    html += c;
    if (c == '/' || c == '_' || c == '-') html += "<wbr>";
  }
  return html;
}

std::string html_page(const std::string& title, const std::string& style, const std::string& body) {
  return fmt::format(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
      "content=\"width=device-width,initial-scale=1\"><title>{}</title><style>{}{}</style></head>\n<body>\n{}</body></"
      "html>\n",
      html_text(title), kStyle, style, body);
}

data::Image thumbnail(const data::Image& image) {
  constexpr int kSide = 80;
  const int side = std::max(image.h, image.w);
  if (side <= kSide) return image;
  return data::resize(image, std::max(1, image.h * kSide / side), std::max(1, image.w * kSide / side));
}

std::string Thumbnails::show(const std::string& key, const std::string& label,
                             const std::function<data::Image()>& draw) {
  if (!shown_.contains(key) && !broken_.contains(key) && !left_out_) add(key, label, draw);
  const std::string text = html_text(label);
  return fmt::format("<span class=\"p {}\" role=\"img\" title=\"{}\" aria-label=\"{}\"></span>",
                     shown_.contains(key) ? key : "none", text, text);
}

void Thumbnails::add(const std::string& key, const std::string& label, const std::function<data::Image()>& draw) {
  const auto problem = data::image_problem(label, [&] {
    const std::string data = to_base64(encode_jpeg(thumbnail(draw()), {.quality = 75}));
    if (css_.size() + data.size() > budget_) {
      left_out_ = true;
      return;
    }
    css_ += fmt::format(".{}{{background-image:url(data:image/jpeg;base64,{})}}\n", key, data);
    shown_.insert(key);
  });
  if (!problem) return;
  if (broken_.empty()) first_problem_ = problem->message;
  broken_.insert(key);
}

const std::string& Thumbnails::css() const {
  if (!broken_.empty())
    warn("{} images could not be read for the page, which shows empty frames; the first: {}", broken_.size(),
         first_problem_);
  return css_;
}

}  // namespace pc::html
