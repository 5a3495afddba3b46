// The vectors of RFC 4648, section 10, and text that is none.
#include "kernels/base/base64.h"

#include <gtest/gtest.h>

#include "kernels/base/bytes.h"
#include "tests/support.h"

namespace pc {
namespace {

TEST(Base64, VectorsOfTheRfc) {
  const std::pair<std::string, std::string> vectors[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, coded] : vectors) {
    EXPECT_EQ(to_base64(std::as_bytes(std::span(plain))), coded);
    const auto back = from_base64(coded);
    ASSERT_TRUE(back) << coded;
    EXPECT_EQ(as_text(*back), plain);
  }
}

TEST(Base64, EveryByteComesBack) {
  std::string all;
  for (int c = 0; c < 256; ++c) all += char(c);
  const std::string coded = to_base64(std::as_bytes(std::span(all)));
  EXPECT_HAS(coded, '+');
  EXPECT_HAS(coded, '/');
  EXPECT_EQ(as_text(from_base64(coded).value()), all);
}

TEST(Base64, WhatIsNone) {
  for (const char* text : {"Z", "Zm9", "!!!!", "Zm9v\n", "Zm9-", "Zm9v Zm9v"}) EXPECT_FALSE(from_base64(text)) << text;
}

}  // namespace
}  // namespace pc
