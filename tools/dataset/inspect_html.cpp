#include "tools/dataset/inspect_html.h"

#include <fmt/format.h>

#include <algorithm>

#include "tools/cli/terminal.h"
#include "tools/dataset/inspect_text.h"
#include "tools/html/html.h"

namespace pc::dataset {
namespace {

constexpr std::size_t kThumbBytes = 3'600'000, kTextBytes = 1'100'000;  // together below 5 MB
constexpr std::size_t kPerClass = 6, kPerGroup = 24, kGroups = 60, kDisagreements = 20, kClasses = 300, kLines = 100;

constexpr const char* kStyle = R"(
.class{display:grid;grid-template-columns:minmax(8rem,13rem) 8.5rem 1fr;gap:.2rem .8rem;align-items:center;padding:.25rem 0;border-top:1px solid var(--line)}
.class>b{font-weight:600;overflow-wrap:anywhere}.n{font-variant-numeric:tabular-nums;white-space:nowrap}
.bar{height:.35rem;background:var(--bar);border-radius:.2rem;min-width:1px;margin-top:.15rem}
.row{display:flex;flex-wrap:wrap;gap:.3rem}.suspect b{color:var(--bad)}
@media(max-width:40rem){.class{grid-template-columns:1fr auto}.class .row{grid-column:1/3}figure{width:6.5rem}.p{width:48px;height:64px}}
)";

class Page {
 public:
  Page(const std::string& name, const data::DataSet& data, const Inspection& found)
      : name_(name), data_(data), found_(found) {}

  std::string text() {
    summary();
    if (has_disagreements()) disagreements();
    if (!found_.groups.empty()) groups();
    for (std::size_t c = 0; c < found_.columns.size(); ++c) classes(c);
    if (left_out_ || thumbnails_.left_out())
      body_ += "<p>Some thumbnails and lines are left out to keep this page small; --json lists everything.</p>\n";
    return html::html_page(name_ + ": inspection", kStyle + thumbnails_.css(), body_);
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
  const std::string& file(std::size_t item) const { return data_.catalog.items[item].file; }

  std::string picture(std::size_t item) {
    return thumbnails_.show(fmt::format("p{}", item), file(item),
                            [&] { return data_.images->image(item, {.min_side = 80}); });
  }

  void figure(const char* name, int64_t value) {
    body_ += fmt::format("<div><dt>{}</dt><dd>{}</dd></div>\n", name, cli::grouped(value));
  }
  void list(const char* title, const std::vector<std::string>& lines) {
    if (lines.empty()) return;
    body_ += fmt::format("<h3>{}</h3><ul>\n", title);
    for (std::size_t i = 0; i < std::min(kLines, lines.size()) && !full(); ++i)
      body_ += fmt::format("<li>{}</li>\n", html::html_text(lines[i]));
    if (lines.size() > kLines)
      body_ += fmt::format("<li>and {} more</li>\n", cli::grouped(int64_t(lines.size() - kLines)));
    body_ += "</ul>\n";
  }

  void summary() {
    const data::Catalog::Report& report = data_.catalog.report;
    body_ += fmt::format("<h1>{}</h1>\n<nav>", html::html_text(name_));
    if (has_disagreements()) body_ += "<a href=\"#labels\">Likely wrong labels</a>";
    if (!found_.groups.empty()) body_ += "<a href=\"#groups\">Near duplicates</a>";
    for (std::size_t c = 0; c < found_.columns.size(); ++c)
      body_ += fmt::format("<a href=\"#column{}\">{}</a>", c, html::html_text(found_.columns[c].name));
    body_ += "</nav>\n<dl>\n";
    if (data_.kind == "kaggle") {
      figure("rows", report.rows), figure("repaired rows", report.repaired_rows);
      figure("rows without an image", report.rows_without_image),
          figure("images without a row", report.images_without_row);
      figure("duplicate ids", report.duplicate_ids);
    } else if (report.images_without_row > 0) {
      figure("in no class folder", report.images_without_row);
    }
    figure("images", found_.pictures);
    figure("unreadable", int64_t(found_.unreadable.size())),
        figure("near-duplicate groups", int64_t(found_.groups.size()));
    body_ += "</dl>\n";
    std::vector<std::string> reasons, sizes, modes;
    for (const data::BadImage& bad : found_.unreadable) reasons.push_back(bad.reason);
    for (const auto& [size, count] : found_.sizes) sizes.push_back(fmt::format("{}: {}", size, cli::grouped(count)));
    for (const auto& [mode, count] : found_.modes) modes.push_back(fmt::format("{}: {}", mode, cli::grouped(count)));
    list("To look at first", report.warnings);
    list("Unreadable images", reasons);
    list("Rows and files to look at", report.notes);
    list("Formats", modes);
    list("Sizes", sizes);
  }

  void disagreements() {
    body_ +=
        "<h2 id=\"labels\">Likely wrong labels</h2>\n<p>Near-identical images whose labels differ. Where most of a "
        "group agree, the "
        "others are marked.</p>\n";
    for (std::size_t c = 0; c < found_.columns.size(); ++c) {
      const auto& all = found_.disagreements[c];
      if (all.empty()) continue;
      body_ +=
          fmt::format("<h3>{}: {} of {} groups</h3>\n<div class=\"groups\">\n", html::html_text(found_.columns[c].name),
                      cli::grouped(int64_t(all.size())), cli::grouped(int64_t(found_.groups.size())));
      for (std::size_t i = 0; i < std::min(all.size(), kDisagreements) && !full(); ++i) disagreement(c, all[i]);
      body_ += "</div>\n" + more(all.size(), kDisagreements);
    }
  }
  void disagreement(std::size_t column, const Disagreement& d) {
    body_ += "<div class=\"group\">";
    for (std::size_t i = 0; i < std::min(d.items.size(), kPerGroup); ++i) {
      const bool suspect =
          d.suspects.size() < d.items.size() && std::count(d.suspects.begin(), d.suspects.end(), d.items[i]) > 0;
      body_ +=
          fmt::format("<figure{}>{}<br><b>{}</b><br><small>{}</small></figure>", suspect ? " class=\"suspect\"" : "",
                      picture(d.items[i]), html::html_text(label_of(data_.catalog, d.items[i], column)),
                      html::file_text(file(d.items[i])));
    }
    body_ += more(d.items.size(), kPerGroup) + "</div>\n";
  }

  void groups() {
    std::vector<const std::vector<uint32_t>*> order;
    for (const auto& group : found_.groups) order.push_back(&group);
    std::stable_sort(order.begin(), order.end(), [](auto* a, auto* b) { return a->size() > b->size(); });
    body_ +=
        "<h2 id=\"groups\">Near duplicates</h2>\n<p>Groups of near-identical images, the largest first. Split at "
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
    body_ += fmt::format("<h2 id=\"column{}\">{}</h2>\n<p>{}</p>\n", column, html::html_text(facts.name),
                         html::html_text(balance_text(facts)));
    std::vector<std::vector<std::size_t>> members(facts.classes.size());
    for (std::size_t i = 0; i < data_.catalog.items.size(); ++i)
      if (const int32_t label = data_.catalog.items[i].labels[column]; label >= 0)
        members[std::size_t(label)].push_back(i);
    const std::vector<std::string> names = shown_names(facts);
    for (std::size_t k = 0; k < std::min(facts.classes.size(), kClasses) && !full(); ++k) {
      const ClassCount& c = facts.classes[k];
      const auto& items = members[c.label];
      body_ += fmt::format(
          "<div class=\"class\"><b>{}</b><div class=\"n\">{} · {:.1f} %<div class=\"bar\" "
          "style=\"width:{:.1f}%\"></div>"
          "</div><div class=\"row\">",
          html::html_text(names[k]), cli::grouped(c.count), 100.0 * double(c.count) / double(facts.labeled),
          100.0 * double(c.count) / double(facts.classes.front().count));
      const std::size_t shown = std::min(items.size(), kPerClass);  // spread over the class, not its first ones
      for (std::size_t i = 0; i < shown; ++i) body_ += picture(items[i * items.size() / shown]);
      body_ += "</div></div>\n";
    }
    body_ += more(facts.classes.size(), kClasses);
  }

  static std::string more(std::size_t all, std::size_t shown) {
    return all > shown ? fmt::format("<p>and {} more</p>\n", cli::grouped(int64_t(all - shown))) : "";
  }

  const std::string& name_;
  const data::DataSet& data_;
  const Inspection& found_;
  html::Thumbnails thumbnails_{kThumbBytes};
  std::string body_;
  bool left_out_ = false;
};

}  // namespace

std::string inspection_html(const std::string& name, const data::DataSet& data, const Inspection& found) {
  return Page(name, data, found).text();
}

}  // namespace pc::dataset
