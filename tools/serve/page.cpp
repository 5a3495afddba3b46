#include "tools/serve/page.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "kernels/base/base64.h"
#include "kernels/base/sha256.h"
#include "tools/cli/json.h"
#include "tools/report/html.h"

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

// {0} style, {1} name of the model, {2} facts as an attribute's text, {3} script
constexpr const char* kPage = R"(<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="color-scheme" content="light dark"><title>What is on this picture?</title>
<link rel="icon" href="data:,"><style>{0}</style></head>
<body data-facts="{2}">
<a class="skip" href="#answer">Skip to the answer</a>
<header><h1>What is on this picture?</h1><p>Model <b>{1}</b> names products. Pictures go to this server only, and are not kept.</p></header>
<main>
<section aria-labelledby="picture-title" class="card">
<h2 id="picture-title" class="unseen">Picture</h2>
<div id="drop">
<div id="stage" hidden><img id="photo" alt=""><img id="heat" alt="" hidden></div>
<div id="invite"><svg viewBox="0 0 64 64" aria-hidden="true"><path d="M8 20a4 4 0 0 1 4-4h9l4-6h14l4 6h9a4 4 0 0 1 4 4v28a4 4 0 0 1-4 4H12a4 4 0 0 1-4-4z"/><circle cx="32" cy="33" r="10"/></svg>
<p>Drop pictures here, paste one,<br>or choose below</p></div>
</div>
<div class="buttons">
<label class="button main">Choose pictures<input id="file" class="unseen" type="file" multiple accept="image/jpeg,image/png,image/webp"></label>
<label class="button camera">Take a photo<input id="camera" class="unseen" type="file" accept="image/*" capture="environment"></label>
</div>
<div id="look" hidden><label><input id="show" type="checkbox"> Heat map of what speaks for</label>
<select id="head" aria-label="Which name the heat map explains"></select></div>
<p class="hint">JPEG, PNG or WebP, up to 10 MB each. Several at once become a table.</p>
<form id="key" hidden><label for="token">This server wants a token. It is kept until this page is closed or loaded anew.</label>
<div class="buttons"><input id="token" type="password" autocomplete="off" required><button class="button main">Use it</button></div></form>
</section>
<section aria-labelledby="answer-title" class="card" id="answer" tabindex="-1">
<h2 id="answer-title">Answer</h2>
<p id="status" role="status" aria-live="polite">Nothing asked yet.</p>
<div id="result"></div>
<div id="similar"></div>
</section>
<section aria-labelledby="batch-title" class="card wide" id="batch" hidden>
<div class="row"><h2 id="batch-title">Pictures</h2><button class="button" id="stop" type="button">Stop</button>
<button class="button" id="again" type="button">Ask for the missing</button>
<button class="button main" id="csv" type="button">Download CSV</button></div>
<div class="row"><progress id="bar" value="0" max="1" aria-label="Pictures done"></progress><span id="done" role="status" aria-live="polite"></span></div>
<div class="scroll" tabindex="0" role="region" aria-labelledby="batch-title"><table><thead id="columns"></thead><tbody id="rows"></tbody></table></div>
</section>
<section aria-labelledby="metrics-title" class="card wide" id="metrics" tabindex="-1" hidden>
<h2 id="metrics-title">Metrics</h2>
<div class="scroll" tabindex="0" role="region" aria-labelledby="metrics-title"><pre id="figures"></pre></div>
</section>
</main>
<footer><a href="/openapi.json">API</a> <a id="metrics-link" href="/metrics">Metrics</a></footer>
<noscript>This page needs JavaScript; the API does not: see /openapi.json.</noscript>
<script>{3}</script></body></html>
)";

}  // namespace

std::string page_html(const std::string& model, const ModelInfo& info, bool similar) {
  return fmt::format(fmt::runtime(kPage), kPageStyle, html_text(model), html_text(facts(info, similar)), kPageScript);
}

std::string page_policy() {
  static const std::string policy = fmt::format(
      "default-src 'none'; style-src {}; script-src {}; img-src 'self' blob: data:; connect-src 'self'; base-uri "
      "'none'; form-action 'none'; frame-ancestors 'none'",
      hash_of(kPageStyle), hash_of(kPageScript));
  return policy;
}

}  // namespace pc
