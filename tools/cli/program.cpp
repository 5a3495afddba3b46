#include "tools/cli/program.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <filesystem>
#include <iostream>
#include <new>
#include <string>
#include <system_error>

#include "kernels/base/logger.h"
#include "tools/cli/completion.h"
#include "tools/cli/help.h"
#include "tools/cli/subcommands.h"
#include "tools/cli/terminal.h"
#include "tools/cli/validators.h"

namespace pc::cli {
namespace {

// A descriptor 0, 1 or 2 that is closed would go to the next file that is opened, and messages into it. Reading gets nothing then, and
// writing is an error, as on a closed descriptor.
void keep_standard_descriptors() {
  for (int fd = 0; fd <= 2; ++fd)
    if (::fcntl(fd, F_GETFD) < 0) ::open("/dev/null", O_RDONLY);  // the lowest that is free: this one
}

// One line, whatever a file brought into the message: no control character reaches the terminal. stderr may be full or
// closed as well; there is nobody left to tell then.
int complain(const char* name, Exit code, const std::string& message) {
  Logger(name).line(message);
  return int(code);
}

// "cannot use runs/a: Permission denied": of an operation of the standard library that names no verb.
std::string file_message(const std::filesystem::filesystem_error& error) {
  return fmt::format("cannot use {}: {}", error.path1().string(), error.code().message());
}

// Of a call of the standard library that failed: what the system ran out of is a limit, all else a file.
Exit code_of(const std::error_code& error) {
  for (const auto resource : {std::errc::resource_unavailable_try_again, std::errc::not_enough_memory,
                              std::errc::too_many_files_open, std::errc::too_many_files_open_in_system})
    if (error == resource) return Exit::limit;
  return Exit::file;
}

// What the program took so far.
void note_use() {
  if (verbosity() != Verbosity::verbose) return;
  rusage use{};
  ::getrusage(RUSAGE_SELF, &use);
  const auto seconds = [](const timeval& t) { return double(t.tv_sec) + 1e-6 * double(t.tv_usec); };
  note("{:.3f} s of CPU time, {} MiB of memory at most", seconds(use.ru_utime) + seconds(use.ru_stime),
       use.ru_maxrss >> 10);
}

const char* running = nullptr;  // the program's name, from run_program() on

[[noreturn]] void end_without_memory() {
  char line[64];
  const int size =
      std::snprintf(line, sizeof line, "%s: out of memory\n", running ? running : program_invocation_short_name);
  write_stderr({line, std::min(sizeof line - 1, std::size_t(size))});
  ::_exit(int(Exit::limit));
}

// Where an exception cannot go on: a destructor that needs memory itself, as nlohmann's json does. Want of memory ends with its code, without
// asking for more; all else is a bug. Before main() there are only static objects, which may find no memory, not even for the exception.
[[noreturn]] void end_at_once() {
  if (!running) end_without_memory();
  try {
    if (const auto thrown = std::current_exception()) std::rethrow_exception(thrown);
  } catch (const std::bad_alloc&) {
    end_without_memory();
  } catch (...) {
  }
  std::abort();
}

// Before the static objects of CLI11 and others are made.
[[gnu::constructor(101)]] void handle_terminate() { std::set_terminate(end_at_once); }

}  // namespace

int run_program(const char* name, const std::function<Exit()>& body) {
  constexpr int kBug = 1;
  running = name;
  keep_standard_descriptors();
  std::signal(SIGPIPE, SIG_IGN);  // a reader that went away is an error of write(2), and so is
  std::signal(SIGXFSZ, SIG_IGN);  // a file at the limit of its size
  try {
    errno = 0;
    const Exit code = body();
    std::cout.flush();
    note_use();
    if (std::fflush(stdout) == 0 && !std::ferror(stdout) && std::cout.good()) return int(code);
  } catch (const Error& error) {
    std::fflush(stdout);
    return complain(name, error.code(), error.what());
  } catch (const std::bad_alloc&) {
    return complain(name, Exit::limit, "out of memory");
  } catch (const std::filesystem::filesystem_error& error) {
    return complain(name, Exit::file, file_message(error));
  } catch (const std::system_error& error) {
    if (!std::ferror(stdout)) return complain(name, code_of(error.code()), error.what());
    errno = error.code().value();
  } catch (const std::exception& error) {
    // fmt::print throws when stdout cannot take its text.
    if (!std::ferror(stdout)) {
      complain(name, Exit::ok, fmt::format("internal error: {}", error.what()));
      return kBug;
    }
  }
  const int cause = errno;
  if (cause == EPIPE) return int(Exit::file);  // the reader has what it came for, as head(1); a message is not wanted
  return complain(name, Exit::file, fmt::format("cannot write standard output: {}", std::strerror(cause)));
}

std::string version_text(const std::string& program) {
  return fmt::format("{} {}, {} CUDA", program, PC_VERSION, PC_HAVE_CUDA ? "with" : "without");
}

namespace {

void add_common_options(CLI::App& app) {
  app.option_defaults()->group("Options");
  app.add_flag_function(
      "-q,--quiet", [](int64_t) { set_verbosity(Verbosity::quiet); }, "Print results, warnings and errors only");
  app.add_flag_function(
         "-v,--verbose", [](int64_t) { set_verbosity(Verbosity::verbose); },
         "Print the time of each line, and at the end the time and memory that were used")
      ->excludes("--quiet");
  app.add_option_function<std::string>(
         "--color",
         [](const std::string& when) {
           set_coloring(when == "always" ? Coloring::always : when == "never" ? Coloring::never : Coloring::automatic);
         },
         "Color the output; auto: on a terminal, if $NO_COLOR is empty")
      ->type_name("WHEN")
      ->default_str("auto")
      ->check(one_of({"auto", "always", "never"}));
  app.add_option_function<std::string>(
         "--completion", [&app](const std::string& shell) { throw CLI::CallForVersion(completion(app, shell), 0); },
         "Print a script that completes command lines in this shell")
      ->type_name("SHELL")
      ->check(one_of({"bash", "zsh", "fish"}));
  app.set_version_flag("-V,--version", version_text(app.get_name()), "Print the version and exit");
  app.set_help_flag("-h,--help", "Print this help and exit");
  for (CLI::App* sub : all_subcommands(app)) sub->fallthrough();
}

}  // namespace

bool parse_command_line(CLI::App& app, int argc, char** argv) {
  add_common_options(app);
  format_help(app);
  try {
    app.parse(argc, argv);
    return true;
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() != 0) fail(Exit::usage, usage_error(app, error) + "; see --help");
    app.exit(error);
    return false;
  }
}

}  // namespace pc::cli
