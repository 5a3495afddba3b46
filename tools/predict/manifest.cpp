#include "tools/predict/manifest.h"

#include <fmt/format.h>

#include "kernels/base/error.h"
#include "kernels/base/text.h"
#include "tools/cli/json.h"

namespace pc::predict {
namespace {

using nlohmann::ordered_json;

// A file by its path and the beginning of its hash.
std::string said(const Manifest& manifest, const std::string& key) {
  const ordered_json value = manifest.made_with.value(key, ordered_json());
  const ordered_json path = manifest.named.value(key, ordered_json());
  if (path.is_string() && value.is_string())
    return visible(fmt::format("{} (SHA-256 {:.12}…)", path.get<std::string>(), value.get<std::string>()));
  return visible(value.is_null() ? "absent" : cli::one_line(value));
}

}  // namespace

std::string to_text(const Manifest& manifest) {
  const ordered_json all{{"made_with", manifest.made_with}, {"named", manifest.named}, {"finished", manifest.finished}};
  return all.dump(1, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

Manifest manifest_from(std::string_view text, const std::string& name) {
  const ordered_json all = ordered_json::parse(text, nullptr, false);
  const auto is = [&](const char* key, bool (ordered_json::*kind)() const noexcept) {
    return all.is_object() && all.contains(key) && (all[key].*kind)();
  };
  if (!is("made_with", &ordered_json::is_object) || !is("named", &ordered_json::is_object) ||
      !is("finished", &ordered_json::is_boolean))
    fail(Exit::data, name +
                         ": not a manifest of this version of pcpredict, so --resume cannot tell what the rows were "
                         "made with; begin again with --force");
  return {.made_with = all["made_with"], .named = all["named"], .finished = all["finished"]};
}

std::string difference(const Manifest& before, const Manifest& now) {
  for (const auto* side : {&now, &before})
    for (const auto& [key, value] : side->made_with.items())
      if (before.made_with.value(key, ordered_json()) != now.made_with.value(key, ordered_json()))
        return fmt::format("{} {}, now it is {}", key, said(before, key), said(now, key));
  return "";
}

}  // namespace pc::predict
