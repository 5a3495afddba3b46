#include "models/hierarchy.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "models/json_checks.h"

namespace pc {
namespace {

using nlohmann::json;

using Scores = std::vector<double>;  // log probabilities of a head's labels, up to a constant

// The best finer label of each coarser one; -1 if none is known.
struct Below {
  std::vector<int32_t> label;
  Scores score;
};

int32_t best_label(const Scores& scores) {
  return int32_t(std::max_element(scores.begin(), scores.end()) - scores.begin());
}

Below best_below(const Link& link, const Scores& fine, std::size_t coarse_labels) {
  // A coarser label without finer ones gets the best finer score of all, so that it has no advantage over the others.
  Below below{std::vector<int32_t>(coarse_labels, -1), Scores(coarse_labels, fine[std::size_t(best_label(fine))])};
  for (std::size_t f = 0; f < fine.size(); ++f)
    for (const int32_t label : link.coarse_of[f]) {
      const auto c = std::size_t(label);
      if (below.label[c] >= 0 && fine[f] <= below.score[c]) continue;
      below.label[c] = int32_t(f);
      below.score[c] = fine[f];
    }
  return below;
}

Link link_from_json(const json& j, const std::vector<HeadShape>& heads) {
  Link link{.fine = head_index(heads, j.at("fine")), .coarse = head_index(heads, j.at("coarse")), .coarse_of = {}};
  for (const json& labels : j.at("coarse_of")) {
    auto& coarse = link.coarse_of.emplace_back();
    for (const json& label : labels)
      coarse.push_back(int32_t(integer(label, "a label of coarse_of", 0, heads[link.coarse].classes - 1)));
  }
  if (link.coarse_of.size() != std::size_t(heads[link.fine].classes))
    throw std::out_of_range("a hierarchy of another number of labels");
  return link;
}

}  // namespace

std::vector<std::vector<std::size_t>> chains(const Hierarchy& hierarchy) {
  std::vector<std::vector<std::size_t>> all;
  for (auto link = hierarchy.begin(); link != hierarchy.end(); ++link) {
    if (std::any_of(hierarchy.begin(), link, [&](const Link& before) { return before.coarse == link->fine; })) continue;
    std::vector<std::size_t> chain{link->fine};
    for (auto up = link; up != hierarchy.end(); ++up)
      if (up->fine == chain.back()) chain.push_back(up->coarse);
    all.emplace_back(chain.rbegin(), chain.rend());
  }
  return all;
}

std::vector<int32_t> joint_labels(const Hierarchy& hierarchy, const std::vector<std::vector<float>>& logits,
                                  const std::vector<double>& temperatures) {
  std::vector<Scores> scores;
  for (std::size_t h = 0; h < logits.size(); ++h) {
    scores.emplace_back(logits[h].begin(), logits[h].end());
    for (double& score : scores.back()) score /= temperatures[h];
  }
  std::vector<Below> belows;
  for (const Link& link : hierarchy) {
    Scores& coarse = scores[link.coarse];
    belows.push_back(best_below(link, scores[link.fine], coarse.size()));
    for (std::size_t c = 0; c < coarse.size(); ++c) coarse[c] += belows.back().score[c];
  }
  std::vector<int32_t> labels;
  for (const Scores& score : scores) labels.push_back(best_label(score));
  for (std::size_t i = hierarchy.size(); i-- > 0;) {
    const int32_t above = labels[hierarchy[i].coarse];
    labels[hierarchy[i].fine] = above < 0 ? -1 : belows[i].label[std::size_t(above)];
  }
  return labels;
}

json to_json(const Hierarchy& hierarchy, const std::vector<HeadShape>& heads) {
  json j = json::array();
  for (const Link& link : hierarchy)
    j.push_back({{"fine", heads[link.fine].name}, {"coarse", heads[link.coarse].name}, {"coarse_of", link.coarse_of}});
  return j;
}

Hierarchy hierarchy_from_json(const json& j, const std::vector<HeadShape>& heads) {
  Hierarchy hierarchy;
  std::vector<bool> placed(heads.size());  // finer heads of the links so far: they must not occur in a later link
  for (const json& entry : j) {
    Link link = link_from_json(entry, heads);
    if (link.fine == link.coarse || placed[link.fine] || placed[link.coarse])
      throw std::out_of_range("hierarchy is not a tree");
    placed[link.fine] = true;
    hierarchy.push_back(std::move(link));
  }
  return hierarchy;
}

}  // namespace pc
