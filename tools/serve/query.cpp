#include "tools/serve/query.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "kernels/base/error.h"
#include "tools/cli/number.h"

namespace pc::serve {
namespace {

int number(const QueryParameter& parameter, const std::string& text) {
  const auto value = cli::number_in(text, parameter.least, parameter.most);
  const std::vector<int>& values = parameter.values;
  if (!values.empty() && !(value && std::find(values.begin(), values.end(), *value) != values.end()))
    fail(Exit::usage, fmt::format("{}: \"{}\" is none of {}", parameter.name, text, fmt::join(values, ", ")));
  if (!value)
    fail(Exit::usage, fmt::format("{}: \"{}\" is no whole number from {} to {}", parameter.name, text, parameter.least,
                                  parameter.most));
  return *value;
}

[[noreturn]] void refuse_name(const std::string& name, const std::vector<QueryParameter>& known) {
  if (name == "similar") fail(Exit::usage, "similar: the server was started without --index");
  if (name == "accept_at") fail(Exit::usage, "accept_at: the model is not calibrated");
  std::string names;
  for (const QueryParameter& parameter : known) names += (names.empty() ? "" : ", ") + std::string(parameter.name);
  fail(Exit::usage, fmt::format("unknown parameter \"{}\"; known: {}", name, names));
}

}  // namespace

std::vector<QueryParameter> query_parameters(const ModelInfo& info, bool has_index) {
  const predict::AnswerStyle usual;
  std::vector<QueryParameter> all;
  all.push_back({"top_k", "Guesses per head", 1, 1'000'000, usual.top_k,
                 [](PredictQuery& query, int value) { query.style.top_k = value; }});
  if (std::vector<int> there = predict::precisions(info); !there.empty())
    all.push_back({"accept_at", "Target precision (%) of predictions reported as confident", 0, 100, usual.accept_at,
                   [](PredictQuery& query, int value) { query.style.accept_at = value; }, std::move(there)});
  all.push_back({"logits", "1: the logits of every class too", 0, 1, 0,
                 [](PredictQuery& query, int value) { query.style.logits = value == 1; }});
  if (has_index)
    all.push_back({"similar", "So many nearest products of the server's index", 0, 100, usual.similar,
                   [](PredictQuery& query, int value) { query.style.similar = value; }});
  all.push_back({"explain", "1: a heat map per head and the images of similar products, as data: URLs", 0, 1, 0,
                 [](PredictQuery& query, int value) { query.explain = value == 1; }});
  return all;
}

PredictQuery parse_query(const std::string& query, const ModelInfo& info, bool has_index) {
  const std::vector<QueryParameter> known = query_parameters(info, has_index);
  PredictQuery result;
  std::set<std::string> seen;
  for (std::size_t at = 0; at < query.size();) {
    const std::string one = query.substr(at, query.find('&', at) - at);
    at += one.size() + 1;
    const std::size_t equals = std::min(one.find('='), one.size());
    const std::string name = one.substr(0, equals), value = one.substr(std::min(equals + 1, one.size()));
    if (!seen.insert(name).second) fail(Exit::usage, name + ": given twice");
    const auto found =
        std::find_if(known.begin(), known.end(), [&](const QueryParameter& p) { return name == p.name; });
    if (found == known.end()) refuse_name(name, known);
    found->set(result, number(*found, value));
  }
  return result;
}

}  // namespace pc::serve
