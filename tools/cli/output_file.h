// What a program may write where a person said "-o PATH": checked before any work is done.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace pc::cli {

// PATH's suffix must be one of `suffixes`, in any case (".csv", …; none listed: any), its folder must exist, and it must not exist itself
// unless `force`; devices and pipes (/dev/stdout) may. A suffix that is not listed is Error(usage) "out.tflite: cannot write .tflite
// files; name it .safetensors, .pth or .onnx"; the others are Error(file) "out.csv exists already; --force replaces it" and "cannot write
// results/out.csv: there is no folder results".
void check_output(const std::filesystem::path& path, const std::vector<std::string>& suffixes, bool force);

// --force: "Replace output files that exist"
void add_force(CLI::App& app, bool& force);

}  // namespace pc::cli
