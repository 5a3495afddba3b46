#include "tools/fetch/credentials.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "kernels/base/base64.h"
#include "kernels/base/error.h"
#include "kernels/base/file.h"
#include "kernels/base/system.h"

namespace pc::fetch {
namespace {

// A line break would begin a header of its own.
void check_text(const std::string& text, const std::string& place) {
  const bool printable = std::all_of(text.begin(), text.end(), [](unsigned char c) { return c > ' ' && c < 127; });
  if (!printable || text.empty()) fail(Exit::usage, place + ": empty, or blanks or control characters in the token");
}

std::string basic(const std::string& username, const std::string& key, const std::string& place) {
  check_text(username, place);
  check_text(key, place);
  const std::string both = username + ":" + key;
  return "Basic " + to_base64(std::as_bytes(std::span(both)));
}

void check_mode(const std::filesystem::path& path, const std::function<void(const std::string&)>& warn) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) fail_file("look at", path);
  const std::string cure = fmt::format("chmod 600 {}", path.string());
  if (info.st_mode & S_IROTH)
    fail(Exit::file, fmt::format("{}: everybody on this machine can read the token in it; {}", path.string(), cure));
  if (info.st_mode & 077) warn(fmt::format("{}: others can reach the token in it; {}", path.string(), cure));
}

// The parser's own messages quote what they read, so they are not shown.
std::string from_file(const std::filesystem::path& path) {
  const auto json = nlohmann::json::parse(read_file(path), nullptr, /*allow_exceptions=*/false);
  const auto has = [&](const char* key) { return json.contains(key) && json[key].is_string(); };
  if (!json.is_object() || !has("username") || !has("key"))
    fail(Exit::data, path.string() + ": not the {\"username\": …, \"key\": …} that Kaggle hands out");
  return basic(json["username"].get<std::string>(), json["key"].get<std::string>(), path.string());
}

}  // namespace

std::string kaggle_authorization(const std::function<void(const std::string&)>& warn) {
  if (const std::string token = environment("KAGGLE_API_TOKEN"); !token.empty()) {
    check_text(token, "KAGGLE_API_TOKEN");
    return "Bearer " + token;
  }
  const std::string username = environment("KAGGLE_USERNAME"), key = environment("KAGGLE_KEY");
  if (username.empty() != key.empty())
    fail(Exit::usage, "of KAGGLE_USERNAME and KAGGLE_KEY only one is set; set both or neither");
  if (!key.empty()) return basic(username, key, "KAGGLE_USERNAME and KAGGLE_KEY");

  std::string folder = environment("KAGGLE_CONFIG_DIR");
  if (folder.empty() && !environment("HOME").empty()) folder = environment("HOME") + "/.kaggle";
  const auto path = std::filesystem::path(folder) / "kaggle.json";
  if (folder.empty() || !path_exists(path)) return "";
  check_mode(path, warn);
  return from_file(path);
}

}  // namespace pc::fetch
