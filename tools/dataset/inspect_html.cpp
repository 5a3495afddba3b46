// One page without scripts: each thumbnail is a CSS class, so that a picture shown twice is stored once.
#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <set>

#include "data/shrink.h"
#include "kernels/runtime/error.h"
#include "tools/dataset/inspect_report.h"

namespace pc {
namespace {

constexpr std::size_t kThumbBytes = 3'600'000, kTextBytes = 1'100'000;  // together below 5 MB
constexpr std::size_t kPerClass = 6, kPerGroup = 24, kGroups = 60, kDisagreements = 20, kClasses = 300, kLines = 100;

constexpr const char* kStyle = R"(
:root{color-scheme:light dark;--line:#8884;--soft:#8881;--bar:#3a86c8;--bad:#c8452f}
body{font:15px/1.45 system-ui,sans-serif;margin:0 auto;max-width:76rem;padding:1rem}
h1{font-size:1.5rem;margin:.5rem 0;overflow-wrap:anywhere}h2{font-size:1.2rem;margin:2.2rem 0 .4rem;border-bottom:1px solid var(--line)}
h3{font-size:1rem;margin:1.4rem 0 .3rem}p{margin:.3rem 0;max-width:60rem}nav{display:flex;flex-wrap:wrap;gap:.2rem 1rem}
dl{display:grid;grid-template-columns:repeat(auto-fill,minmax(8.4rem,1fr));gap:.6rem;margin:1rem 0}
dl div{background:var(--soft);border-radius:.4rem;padding:.5rem .7rem}dt{font-size:.85rem;opacity:.75}dd{margin:0;font-size:1.25rem}
ul{padding-left:1.2rem;margin:.3rem 0;overflow-wrap:anywhere}
.class{display:grid;grid-template-columns:minmax(8rem,13rem) 8.5rem 1fr;gap:.2rem .8rem;align-items:center;padding:.25rem 0;border-top:1px solid var(--line)}
.class>b{font-weight:600;overflow-wrap:anywhere}.n{font-variant-numeric:tabular-nums;white-space:nowrap}
.bar{height:.35rem;background:var(--bar);border-radius:.2rem;min-width:1px;margin-top:.15rem}
.row{display:flex;flex-wrap:wrap;gap:.3rem}.groups{display:flex;flex-wrap:wrap;gap:.6rem}
.group{display:flex;flex-wrap:wrap;gap:.4rem;background:var(--soft);border-radius:.4rem;padding:.4rem}
figure{margin:0;width:7.2rem;text-align:center;font-size:.78rem;line-height:1.25;overflow-wrap:anywhere}
figure small{opacity:.7}.suspect b{color:var(--bad)}
.p{display:inline-block;width:60px;height:80px;background:#fff center/contain no-repeat;border-radius:.2rem}
.p.none{background:var(--soft)}
@media(max-width:40rem){.class{grid-template-columns:1fr auto}.class .row{grid-column:1/3}figure{width:6.5rem}.p{width:48px;height:64px}}
)";

std::string base64(const std::vector<std::byte>& bytes) {
  std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');  // EVP_EncodeBlock ends with a NUL
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                   reinterpret_cast<const unsigned char*>(bytes.data()), int(bytes.size()));
  text.resize(std::size_t(size));
  return text;
}

Image thumbnail(const PictureSource& pictures, std::size_t item) {
  constexpr int kSide = 80;
  Image image = pictures.image(item, {.min_side = kSide});
  const int side = std::max(image.h, image.w);
  if (side <= kSide) return image;
  return shrink(image, std::max(1, image.h * kSide / side), std::max(1, image.w * kSide / side));
}

class Page {
 public:
  Page(const std::string& name, const DataSet& data, const Inspection& found)
      : name_(name), data_(data), found_(found) {
    for (const BadPicture& bad : found.unreadable) unreadable_.insert(bad.item);
  }

  std::string text() {
    summary();
    if (has_disagreements()) disagreements();
    if (!found_.groups.empty()) groups();
    for (std::size_t c = 0; c < found_.columns.size(); ++c) classes(c);
    if (left_out_)
      body_ += "<p>Some thumbnails and lines are left out to keep this page small; --json lists everything.</p>\n";
    return fmt::format(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
        "content=\"width=device-width,initial-scale=1\"><title>{0}: inspection</title><style>{1}{2}</style></head>\n"
        "<body>\n{3}</body></html>\n",
        html_text(name_), kStyle, css_, body_);
  }

 private:
  bool has_disagreements() const {
    return std::any_of(found_.disagreements.begin(), found_.disagreements.end(),
                       [](const auto& d) { return !d.empty(); });
  }
  bool full() {
    if (body_.size() < kTextBytes) return false;
    return left_out_ = true;
  }
  const std::string& file(std::size_t item) const { return data_.catalogue.items[item].file; }

  // The picture as an element; its pixels go into the style sheet at the first use.
  std::string picture(std::size_t item) {
    const std::string label = html_text(file(item));
    if (!unreadable_.contains(item) && !shown_.contains(item)) draw(item);
    return fmt::format("<span class=\"p {}\" role=\"img\" title=\"{}\" aria-label=\"{}\"></span>",
                       shown_.contains(item) ? fmt::format("p{}", item) : "none", label, label);
  }
  void draw(std::size_t item) {
    try {
      const std::string uri = base64(encode_jpeg(thumbnail(*data_.pictures, item), {.quality = 75}));
      if (css_.size() + uri.size() > kThumbBytes) {
        left_out_ = true;
        return;
      }
      css_ += fmt::format(".p{}{{background-image:url(data:image/jpeg;base64,{})}}\n", item, uri);
      shown_.insert(item);
    } catch (const Error&) {  // changed since it was inspected
      unreadable_.insert(item);
    }
  }

  void figure(const char* name, int64_t value) {
    body_ += fmt::format("<div><dt>{}</dt><dd>{}</dd></div>\n", name, grouped(value));
  }
  void list(const char* title, const std::vector<std::string>& lines) {
    if (lines.empty()) return;
    body_ += fmt::format("<h3>{}</h3><ul>\n", title);
    for (std::size_t i = 0; i < std::min(kLines, lines.size()) && !full(); ++i)
      body_ += fmt::format("<li>{}</li>\n", html_text(lines[i]));
    if (lines.size() > kLines) body_ += fmt::format("<li>and {} more</li>\n", grouped(int64_t(lines.size() - kLines)));
    body_ += "</ul>\n";
  }

  void summary() {
    const Catalogue::Report& report = data_.catalogue.report;
    body_ += fmt::format("<h1>{}</h1>\n<nav>", html_text(name_));
    if (has_disagreements()) body_ += "<a href=\"#labels\">Likely wrong labels</a>";
    if (!found_.groups.empty()) body_ += "<a href=\"#groups\">Near duplicates</a>";
    for (std::size_t c = 0; c < found_.columns.size(); ++c)
      body_ += fmt::format("<a href=\"#column{}\">{}</a>", c, html_text(found_.columns[c].name));
    body_ += "</nav>\n<dl>\n";
    figure("rows", report.rows), figure("repaired rows", report.repaired_rows);
    figure("rows without a picture", report.rows_without_picture),
        figure("pictures without a row", report.pictures_without_row);
    figure("duplicate ids", report.duplicate_ids), figure("pictures", found_.pictures);
    figure("unreadable", int64_t(found_.unreadable.size())),
        figure("near-duplicate groups", int64_t(found_.groups.size()));
    body_ += "</dl>\n";
    std::vector<std::string> reasons, sizes, modes;
    for (const BadPicture& bad : found_.unreadable) reasons.push_back(bad.reason);
    for (const auto& [size, count] : found_.sizes) sizes.push_back(fmt::format("{}: {}", size, grouped(count)));
    for (const auto& [mode, count] : found_.modes) modes.push_back(fmt::format("{}: {}", mode, grouped(count)));
    list("Unreadable pictures", reasons);
    list("Rows and files to look at", report.notes);
    list("Formats", modes);
    list("Sizes", sizes);
  }

  void disagreements() {
    body_ +=
        "<h2 id=\"labels\">Likely wrong labels</h2>\n<p>Near-identical pictures whose labels differ. Where most of a "
        "group agree, the "
        "others are marked.</p>\n";
    for (std::size_t c = 0; c < found_.columns.size(); ++c) {
      const auto& all = found_.disagreements[c];
      if (all.empty()) continue;
      body_ += fmt::format("<h3>{}: {} of {} groups</h3>\n<div class=\"groups\">\n", html_text(found_.columns[c].name),
                           grouped(int64_t(all.size())), grouped(int64_t(found_.groups.size())));
      for (std::size_t i = 0; i < std::min(all.size(), kDisagreements) && !full(); ++i) disagreement(c, all[i]);
      body_ += "</div>\n" + more(all.size(), kDisagreements);
    }
  }
  void disagreement(std::size_t column, const Disagreement& d) {
    body_ += "<div class=\"group\">";
    for (std::size_t i = 0; i < std::min(d.items.size(), kPerGroup); ++i) {
      const bool suspect =
          d.suspects.size() < d.items.size() && std::count(d.suspects.begin(), d.suspects.end(), d.items[i]) > 0;
      body_ += fmt::format("<figure{}>{}<br><b>{}</b><br><small>{}</small></figure>",
                           suspect ? " class=\"suspect\"" : "", picture(d.items[i]),
                           html_text(label_of(data_.catalogue, d.items[i], column)), html_text(file(d.items[i])));
    }
    body_ += more(d.items.size(), kPerGroup) + "</div>\n";
  }

  void groups() {
    std::vector<const std::vector<uint32_t>*> order;
    for (const auto& group : found_.groups) order.push_back(&group);
    std::stable_sort(order.begin(), order.end(), [](auto* a, auto* b) { return a->size() > b->size(); });
    body_ +=
        "<h2 id=\"groups\">Near duplicates</h2>\n<p>Groups of near-identical pictures, the largest first. Split at "
        "random, a group can "
        "lie in training and test at once.</p>\n<div class=\"groups\">\n";
    for (std::size_t g = 0; g < std::min(order.size(), kGroups) && !full(); ++g) {
      body_ += "<div class=\"group\">";
      for (std::size_t i = 0; i < std::min(order[g]->size(), kPerGroup); ++i) body_ += picture((*order[g])[i]);
      body_ += more(order[g]->size(), kPerGroup) + "</div>\n";
    }
    body_ += "</div>\n" + more(order.size(), kGroups);
  }

  void classes(std::size_t column) {
    const ColumnFacts& facts = found_.columns[column];
    body_ += fmt::format("<h2 id=\"column{}\">{}</h2>\n<p>{}</p>\n", column, html_text(facts.name),
                         html_text(balance_text(facts)));
    std::vector<std::vector<std::size_t>> members(facts.classes.size());
    for (std::size_t i = 0; i < data_.catalogue.items.size(); ++i)
      if (const int32_t label = data_.catalogue.items[i].labels[column]; label >= 0)
        members[std::size_t(label)].push_back(i);
    for (std::size_t k = 0; k < std::min(facts.classes.size(), kClasses) && !full(); ++k) {
      const ClassCount& c = facts.classes[k];
      const auto& items = members[c.label];
      body_ += fmt::format(
          "<div class=\"class\"><b>{}</b><div class=\"n\">{} · {:.1f} %<div class=\"bar\" "
          "style=\"width:{:.1f}%\"></div>"
          "</div><div class=\"row\">",
          html_text(c.name), grouped(c.count), 100.0 * double(c.count) / double(facts.labelled),
          100.0 * double(c.count) / double(facts.classes.front().count));
      const std::size_t shown = std::min(items.size(), kPerClass);  // spread over the class, not its first ones
      for (std::size_t i = 0; i < shown; ++i) body_ += picture(items[i * items.size() / shown]);
      body_ += "</div></div>\n";
    }
    body_ += more(facts.classes.size(), kClasses);
  }

  static std::string more(std::size_t all, std::size_t shown) {
    return all > shown ? fmt::format("<p>and {} more</p>\n", grouped(int64_t(all - shown))) : "";
  }

  const std::string& name_;
  const DataSet& data_;
  const Inspection& found_;
  std::set<std::size_t> unreadable_, shown_;
  std::string css_, body_;
  bool left_out_ = false;
};

// The length of the UTF-8 character at `at`; 0 where there is none: later bytes missing, too long a form, a surrogate,
// beyond U+10FFFF.
std::size_t character(const std::string& text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0u; };
  const unsigned first = byte(0), second = byte(1);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xc2 && first < 0xe0   ? 2
                             : first >= 0xe0 && first < 0xf0 ? 3
                             : first >= 0xf0 && first < 0xf5 ? 4
                                                             : 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xc0) != 0x80) return 0;
  if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second >= 0xa0)) return 0;
  if ((first == 0xf0 && second < 0x90) || (first == 0xf4 && second >= 0x90)) return 0;
  return length;
}

}  // namespace

std::string html_text(const std::string& text) {
  std::string html;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = character(text, at);
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

std::string inspection_html(const std::string& name, const DataSet& data, const Inspection& found) {
  return Page(name, data, found).text();
}

}  // namespace pc
