// What a manifest says, and what differs from it.
#include "tools/predict/manifest.h"

#include <gtest/gtest.h>

#include "kernels/base/error.h"

namespace pc::predict {
namespace {

Manifest example() {
  return {.made_with = {{"model", std::string(64, 'a')}, {"--precision", "f32"}, {"--top-k", 5}},
          .named = {{"model", "runs/one/model.safetensors"}, {"INPUT", {"shop.zip", "\xff.png"}}}};
}

TEST(Manifest, IsReadBack) {
  Manifest before = example();
  before.finished = true;
  const Manifest after = manifest_from(to_text(before), "rows.csv.manifest");
  EXPECT_EQ(after.made_with, before.made_with);
  EXPECT_TRUE(after.finished);
  EXPECT_EQ(difference(after, example()), "");
}

TEST(Manifest, TheFirstDifferenceIsNamed) {
  const Manifest before = example();
  Manifest now = example();
  now.made_with["--precision"] = "bf16";
  EXPECT_EQ(difference(before, now), "--precision \"f32\", now it is \"bf16\"");
  now.made_with["model"] = std::string(64, 'b');
  now.named["model"] = "other.safetensors";
  EXPECT_EQ(difference(before, now),
            "model runs/one/model.safetensors (SHA-256 aaaaaaaaaaaa…), now it is other.safetensors (SHA-256 "
            "bbbbbbbbbbbb…)");
  Manifest fewer = example();
  fewer.made_with.erase("--top-k");
  EXPECT_EQ(difference(before, fewer), "--top-k 5, now it is absent");
  EXPECT_EQ(difference(fewer, before), "--top-k absent, now it is 5");
}

TEST(Manifest, WhatIsNoneIsRefused) {
  for (const char* text : {"", "{}", "[]", "null", "{\"made_with\":1,\"named\":{},\"finished\":true}",
                           "{\"made_with\":{},\"named\":{},\"finished\":1}", "{\"model\":\"abc\",\"format\":\"csv\"}"})
    EXPECT_THROW(manifest_from(text, "rows.csv.manifest"), Error) << text;
}

}  // namespace
}  // namespace pc::predict
