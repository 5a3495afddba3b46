#include "tools/cli/completion.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <vector>

#include "tools/cli/subcommands.h"

namespace pc::cli {
namespace {

// What a shell has to know of an option.
struct Completed {
  std::vector<std::string> names;  // "-k", "--top-k"
  std::string meaning, value;      // the first clause of its help; the placeholder of its value, empty: a flag
  bool number = false;
  std::vector<std::string> values;  // all it may be, if that is a list
};

// "NAME:cpu, cuda" -> cpu and cuda; "N:0 to 1024" is not a list.
std::vector<std::string> values_in(const std::string& type) {
  std::vector<std::string> values;
  for (std::size_t begin = type.find_first_of(':'); begin < type.size();) {
    begin = type.find_first_not_of(" ,:", begin);
    const std::size_t end = std::min(type.find(',', begin), type.size());
    values.push_back(type.substr(begin, end - begin));
    if (values.back().find(' ') != std::string::npos) return {};
    begin = end;
  }
  return values;
}

std::vector<Completed> options_of(const CLI::App& app) {
  std::vector<Completed> options;
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_positional() || option->get_group().empty()) continue;  // hidden: hints.h
    const std::string type = option->get_type_name(), text = option->get_description();
    Completed one{.meaning = text.substr(0, text.find_first_of(";:(")), .values = values_in(type)};
    if (option->get_type_size() != 0) one.value = type.substr(0, type.find(':'));
    one.number = one.value == "INT" || one.value == "UINT" || one.value == "FLOAT" || one.value == "N";
    for (const std::string& name : option->get_snames()) one.names.push_back("-" + name);
    for (const std::string& name : option->get_lnames()) one.names.push_back("--" + name);
    options.push_back(std::move(one));
  }
  return options;
}

std::vector<std::string> names_of(const std::vector<const CLI::App*>& commands) {
  std::vector<std::string> names;
  for (const CLI::App* command : commands) names.push_back(command->get_name());
  return names;
}

// In single quotes, whatever it holds.
std::string in_quotes(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

// The values of the option before the word, else the options if the word begins with a dash; a file name otherwise.
std::string bash_words(const CLI::App& app) {
  std::string cases, all;
  for (const Completed& option : options_of(app)) {
    all += fmt::format("{} ", fmt::join(option.names, " "));
    if (!option.values.empty())
      cases += fmt::format("    {}) COMPREPLY=($(compgen -W \"{}\" -- \"$word\")); return ;;\n",
                           fmt::join(option.names, "|"), fmt::join(option.values, " "));
  }
  if (!cases.empty()) cases = "  case $before in\n" + cases + "  esac\n";
  return cases + fmt::format("  [[ $word != -* ]] || COMPREPLY=($(compgen -W \"{}\" -- \"$word\"))\n", all);
}

std::string bash(const CLI::App& app) {
  const auto commands = all_subcommands(app);
  std::string body;
  for (const CLI::App* command : commands)
    body += fmt::format("  if [[ ${{COMP_WORDS[1]}} == {} && $COMP_CWORD -gt 1 ]]; then\n{}  return\n  fi\n",
                        command->get_name(), bash_words(*command));
  if (!commands.empty())
    body += fmt::format("  COMPREPLY=($(compgen -W \"{}\" -- \"$word\"))\n", fmt::join(names_of(commands), " "));
  return fmt::format(
      "# bash completion of {0}\n_{0}() {{\n"
      "  local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}}\n{1}{2}}}\n"
      "complete -o default -F _{0} {0}\n",
      app.get_name(), body, bash_words(app));
}

std::string without_brackets(std::string text) {
  std::erase_if(text, [](char c) { return c == '[' || c == ']'; });
  return text;
}

// '(-k --top-k)'{-k,--top-k}'[Labels per head]:N:'
std::string zsh_words(const CLI::App& app) {
  std::string words;
  for (const Completed& option : options_of(app)) {
    std::string names = option.names[0];
    if (option.names.size() > 1)
      names = fmt::format("'({})'{{{}}}", fmt::join(option.names, " "), fmt::join(option.names, ","));
    std::string text = "[" + without_brackets(option.meaning) + "]";
    if (!option.value.empty())
      text += fmt::format(":{}:{}", option.value,
                          option.number           ? " "
                          : option.values.empty() ? "_files"
                                                  : fmt::format("({})", fmt::join(option.values, " ")));
    words += " \\\n    " + names + in_quotes(text);
  }
  return words + " \\\n    '*:file:_files'\n";
}

std::string zsh(const CLI::App& app) {
  const auto commands = all_subcommands(app);
  std::string body;
  for (const CLI::App* command : commands)
    body += fmt::format(
        "  if [[ $words[2] == {} && $CURRENT -gt 2 ]]; then\n  shift words\n  (( CURRENT-- ))\n"
        "  _arguments -s{}  return\n  fi\n",
        command->get_name(), zsh_words(*command));
  if (!commands.empty())
    body += fmt::format("  _arguments '1:command:({})'\n", fmt::join(names_of(commands), " "));
  else
    body += "  _arguments -s" + zsh_words(app);
  return fmt::format(
      "#compdef {0}\n_{0}() {{\n{1}}}\n[[ $funcstack[1] != _{0} ]] || _{0} \"$@\"\n"
      "(( ! $+functions[compdef] )) || compdef _{0} {0}\n",
      app.get_name(), body);
}

std::string fish_words(const std::string& program, const CLI::App& app, const std::string& condition) {
  std::string lines;
  for (const Completed& option : options_of(app)) {
    std::string line = "complete -c " + program + condition;
    for (const std::string& name : option.names)
      line += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
    if (!option.value.empty()) line += " -r";
    if (!option.values.empty())
      line += fmt::format(" -f -a {}", in_quotes(fmt::format("{}", fmt::join(option.values, " "))));
    lines += line + " -d " + in_quotes(option.meaning) + "\n";
  }
  return lines;
}

std::string fish(const CLI::App& app) {
  const std::string program = app.get_name();
  std::string lines = "# fish completion of " + program + "\n";
  const auto commands = all_subcommands(app);
  for (const CLI::App* command : commands) {
    lines +=
        fmt::format("complete -c {} -f -n __fish_use_subcommand -a {} -d {}\n", program, command->get_name(),
                    in_quotes(command->get_description().substr(0, command->get_description().find_first_of(";:("))));
    lines += fish_words(program, *command, fmt::format(" -n '__fish_seen_subcommand_from {}'", command->get_name()));
  }
  return lines + fish_words(program, app, commands.empty() ? "" : " -n __fish_use_subcommand");
}

}  // namespace

std::string completion(const CLI::App& app, const std::string& shell) {
  return shell == "bash" ? bash(app) : shell == "zsh" ? zsh(app) : fish(app);
}

}  // namespace pc::cli
