// FILE.manifest, next to the rows of pcpredict --output FILE: what they were made with, and whether all are there.
//
// {"made_with": {"model": SHA-256, "--precision": "f32", …}, "named": {"model": PATH, "INPUT": […], …}, "finished": …}
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace pc::predict {

struct Manifest {
  nlohmann::ordered_json made_with;  // what rows depend on but their images, flat
  nlohmann::ordered_json named;      // what files, images among them, the command line named; for people
  bool finished = false;
};

std::string to_text(const Manifest& manifest);
// Error(data) naming the file for what to_text() does not write.
Manifest manifest_from(std::string_view text, const std::string& name);

// What differs in made_with, the first of it: "--precision "f32", now it is "bf16""; "" if nothing does. Files are
// named.
std::string difference(const Manifest& before, const Manifest& now);

}  // namespace pc::predict
