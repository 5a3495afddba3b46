// Which kernels have run: every __global__ function in kernels/, in every template instance of the program. There are
// no exceptions; a kernel that g++ cannot compile (tensor cores, bulk copies) would have to be listed here.
#include <gtest/gtest.h>
#include <link.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <stdexcept>

#include "tests/simt/simt.h"

namespace pc::simt {
namespace {

uintptr_t load_address() {
  uintptr_t base = 0;
  dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* out) {
        *static_cast<uintptr_t*>(out) = info->dlpi_addr;
        return 1;  // the program itself comes first
      },
      &base);
  return base;
}

// The lines that a binutils program prints about this one.
std::vector<std::string> lines_of(const std::string& command, const std::string& arguments) {
  const std::string all = command + " '" + std::filesystem::read_symlink("/proc/self/exe").string() + "' " + arguments;
  FILE* const pipe = popen(all.c_str(), "r");
  std::vector<std::string> lines;
  char line[8192];
  while (pipe && std::fgets(line, sizeof(line), pipe)) lines.emplace_back(line, std::strcspn(line, "\n"));
  if (!pipe || pclose(pipe) != 0) throw std::runtime_error(command + " failed; install binutils");
  return lines;
}

// "void pc::(anonymous namespace)::add_kernel<float, true>(long, …)" -> "add_kernel<float, true>".
std::string short_name(std::string name) {
  for (const char* noise : {"(anonymous namespace)::", "pc::", "void "})
    for (std::size_t at; (at = name.find(noise)) != std::string::npos;) name.erase(at, std::strlen(noise));
  return name.substr(0, name.find('('));
}

std::string kernel_of(const std::string& function) { return function.substr(0, function.find('<')); }

// The name that follows a __global__ at this place: what stands before the first parenthesis but __launch_bounds__'.
std::string declared_name(const std::string& source, std::size_t at) {
  for (std::size_t open; (open = source.find('(', at)) != std::string::npos; at = source.find(')', open)) {
    std::size_t begin = open;
    while (std::isalnum(static_cast<unsigned char>(source[begin - 1])) || source[begin - 1] == '_') --begin;
    const std::string name = source.substr(begin, open - begin);
    if (name != "__launch_bounds__") return name;
  }
  return "";
}

// "kernels/add/add_cuda.cu: add_kernel" of every kernel in the sources.
std::set<std::string> kernels_written() {
  std::set<std::string> all;
  const std::filesystem::path root(PC_SOURCE_DIR);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root / "kernels")) {
    if (entry.path().extension() != ".cu") continue;
    std::stringstream text;
    text << std::ifstream(entry.path()).rdbuf();
    const std::string source = text.str(), file = std::filesystem::relative(entry.path(), root).string();
    for (std::size_t at = 0; (at = source.find("__global__", at)) != std::string::npos; ++at) {
      const std::string name = declared_name(source, at);
      if (!name.ends_with("_kernel")) ADD_FAILURE() << file << ": " << name << ": a kernel's name must end in _kernel";
      all.insert(file + ": " + name);
    }
  }
  return all;
}

// Every instance in the program of a kernel in the sources: "file: name" and the name with its template arguments.
std::map<const void*, std::pair<std::string, std::string>> kernels_compiled(const std::set<std::string>& written) {
  std::vector<const void*> addresses;
  for (const std::string& line : lines_of("nm --defined-only", "")) {
    std::istringstream words(line);
    std::string address, kind, name;
    words >> address >> kind >> name;
    if ((kind == "t" || kind == "T" || kind == "W") && name.find("_kernel") != std::string::npos)
      addresses.push_back(reinterpret_cast<const void*>(load_address() + std::stoull(address, nullptr, 16)));
  }
  std::map<const void*, std::pair<std::string, std::string>> all;
  const std::vector<Place> places = places_of(addresses);
  for (std::size_t i = 0; i < places.size(); ++i) {
    const std::string name = places[i].file + ": " + kernel_of(places[i].function);
    if (written.count(name)) all[addresses[i]] = {name, places[i].function};
  }
  return all;
}

// After a run of all cases: prints the kernels that have run, fails for one that has not.
class Coverage : public testing::Environment {
  void TearDown() override {
    const std::set<std::string> written = kernels_written();
    const auto compiled = kernels_compiled(written);
    const std::vector<const void*> run = kernels_run();
    std::map<std::string, std::pair<int, int>> counts;  // instances, and those that have run
    for (const std::string& kernel : written) counts[kernel] = {};
    for (const auto& [address, names] : compiled) {
      const bool has_run = std::find(run.begin(), run.end(), address) != run.end();
      counts[names.first].first += 1;
      counts[names.first].second += has_run;
      if (!has_run) ADD_FAILURE() << names.first << ": " << names.second << " has not run";
    }
    for (const auto& [kernel, count] : counts) {
      std::printf("ran %2d of %2d instances of %s\n", count.second, count.first, kernel.c_str());
      if (count.second == 0) ADD_FAILURE() << kernel << " has not run on the stand-in GPU";
    }
  }
};

}  // namespace

std::vector<Place> places_of(const std::vector<const void*>& addresses) {
  std::string arguments;
  for (const void* address : addresses) {
    char text[32];
    std::snprintf(text, sizeof(text), "%#zx ", std::size_t(reinterpret_cast<uintptr_t>(address) - load_address()));
    arguments += text;
  }
  const std::vector<std::string> lines = lines_of("addr2line -f -C -e", arguments);
  std::vector<Place> places;
  for (std::size_t i = 0; i + 1 < lines.size(); i += 2) {
    const std::size_t colon = lines[i + 1].rfind(':'), folder = lines[i + 1].rfind("/kernels/");
    const std::string file = lines[i + 1].substr(0, colon);
    places.push_back({.function = short_name(lines[i]),
                      .file = folder == std::string::npos ? file : file.substr(folder + 1),
                      .line = std::atoi(lines[i + 1].c_str() + colon + 1)});
  }
  if (places.size() != addresses.size()) throw std::runtime_error("addr2line answered in a way unknown here");
  return places;
}

testing::Environment* make_coverage() { return new Coverage; }

}  // namespace pc::simt
