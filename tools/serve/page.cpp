#include "tools/serve/page.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "kernels/base/base64.h"
#include "kernels/base/sha256.h"
#include "tools/cli/json.h"
#include "tools/html/html.h"
#include "tools/serve/page_files.h"

namespace pc {
namespace {

std::string hash_of(std::string_view text) {
  return "'sha256-" + to_base64(sha256(std::as_bytes(std::span(text)))) + "'";
}

// What the script has to know of the model: its heads, and the chains that paths are shown along.
std::string facts(const ModelInfo& info, bool similar) {
  nlohmann::json chain_names = nlohmann::json::array();
  for (const auto& chain : chains(info.hierarchy)) {
    chain_names.push_back(nlohmann::json::array());
    for (const std::size_t h : chain) chain_names.back().push_back(info.heads[h].name);
  }
  return one_line({{"heads", info.head_names()}, {"chains", chain_names}, {"similar", similar}});
}

}  // namespace

std::string page_html(const std::string& model, const ModelInfo& info, bool similar) {
  return fmt::format(fmt::runtime(kPageFrame), kPageStyle, html_text(model), html_text(facts(info, similar)),
                     kPageScript);
}

std::string page_policy() {
  static const std::string policy = fmt::format(
      "default-src 'none'; style-src {}; script-src {}; img-src 'self' blob: data:; connect-src 'self'; base-uri "
      "'none'; form-action 'none'; frame-ancestors 'none'",
      hash_of(kPageStyle), hash_of(kPageScript));
  return policy;
}

}  // namespace pc
