// Where a Kaggle token comes from, and that it appears in no message.
#include "tools/fetch/credentials.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "kernels/base/file.h"
#include "tests/fetch/fixture.h"

namespace pc::fetch {
namespace {

using namespace test;

class Credentials : public testing::Test {
 protected:
  Credentials() {
    for (const char* name : kNames) ::unsetenv(name);
    ::setenv("KAGGLE_CONFIG_DIR", folder_.path().c_str(), 1);
  }
  ~Credentials() override {
    for (const char* name : kNames) ::unsetenv(name);
  }
  std::string found() {
    return kaggle_authorization([&](const std::string& line) { warnings_.push_back(line); });
  }
  std::string error() {
    return error_of([&] { found(); });
  }
  void write_json(const std::string& text, int mode = 0600) {
    write_file_atomically(json_, text);
    std::filesystem::permissions(json_, std::filesystem::perms(mode));
  }

  static constexpr const char* kNames[] = {"KAGGLE_API_TOKEN", "KAGGLE_USERNAME", "KAGGLE_KEY", "KAGGLE_CONFIG_DIR"};
  TemporaryFolder folder_;
  std::filesystem::path json_ = folder_ / "kaggle.json";
  std::vector<std::string> warnings_;
};

TEST_F(Credentials, NoneIsFine) { EXPECT_EQ(found(), ""); }

TEST_F(Credentials, TheEnvironmentComesBeforeTheFile) {
  write_json(R"({"username": "file", "key": "word"})");
  EXPECT_EQ(found(), "Basic ZmlsZTp3b3Jk");  // file:word
  ::setenv("KAGGLE_USERNAME", "user", 1);
  ::setenv("KAGGLE_KEY", "pass", 1);
  EXPECT_EQ(found(), "Basic dXNlcjpwYXNz");  // user:pass
  ::setenv("KAGGLE_API_TOKEN", "KGAT_1", 1);
  EXPECT_EQ(found(), "Bearer KGAT_1");
  EXPECT_TRUE(warnings_.empty());
}

TEST_F(Credentials, TheFileMustBePrivate) {
  write_json(R"({"username": "file", "key": "word"})", 0640);
  EXPECT_EQ(found(), "Basic ZmlsZTp3b3Jk");
  ASSERT_EQ(warnings_.size(), 1u);
  EXPECT_HAS(warnings_[0], "chmod 600 " + json_.string());
  write_json(R"({"username": "file", "key": "word"})", 0644);
  EXPECT_EQ(error(),
            fmt::format("4: {0}: everybody on this machine can read the token in it; chmod 600 {0}", json_.string()));
}

TEST_F(Credentials, BadOnesAreNamedByPlaceAlone) {
  for (const char* text :
       {"", "canary", "{\"username\": \"canary\"}", "[\"canary\"]", "{\"username\": 1, \"key\": \"canary\"}"}) {
    write_json(text);
    EXPECT_EQ(error(),
              fmt::format("3: {}: not the {{\"username\": …, \"key\": …}} that Kaggle hands out", json_.string()))
        << text;
  }
  write_json("{\"username\": \"a\", \"key\": \"canary\\r\\nHost: evil\"}");
  EXPECT_EQ(error(), fmt::format("2: {}: empty, or blanks or control characters in the token", json_.string()));
  ::setenv("KAGGLE_KEY", "canary", 1);
  EXPECT_EQ(error(), "2: of KAGGLE_USERNAME and KAGGLE_KEY only one is set; set both or neither");
  ::setenv("KAGGLE_API_TOKEN", "canary\nX: y", 1);
  EXPECT_EQ(error(), "2: KAGGLE_API_TOKEN: empty, or blanks or control characters in the token");
}

}  // namespace
}  // namespace pc::fetch
