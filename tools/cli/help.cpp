#include "tools/cli/help.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <vector>

#include "kernels/base/nearest.h"
#include "kernels/base/text.h"
#include "tools/cli/subcommands.h"
#include "tools/cli/terminal.h"

namespace pc::cli {
namespace {

constexpr std::size_t kWidest = 100, kNames = 28;  // columns of a line, and those of the names

// The text in lines of at most `columns`, broken at blanks; its own line breaks stay.
std::vector<std::string> wrapped(const std::string& text, std::size_t columns) {
  std::vector<std::string> lines{""};
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find_first_of(" \n", begin), text.size());
    const std::string word = text.substr(begin, end - begin);
    if (!lines.back().empty() && width(lines.back()) + 1 + width(word) > columns) lines.emplace_back();
    lines.back() += (lines.back().empty() ? "" : " ") + word;
    if (end < text.size() && text[end] == '\n') lines.emplace_back();
    begin = end + 1;
  }
  return lines;
}

// "INT:0 to 1024" -> "INT" and "0 to 1024": the type, then what its validators say.
std::pair<std::string, std::string> type_and_limits(const CLI::Option& option) {
  const std::string all = option.get_type_name();
  const auto colon = all.find(':');
  std::string limits = colon == all.npos ? "" : all.substr(colon + 1);
  std::replace(limits.begin(), limits.end(), ':', ' ');
  return {all.substr(0, colon), limits};
}

std::string placeholder(const std::string& type) {
  return type == "INT" || type == "UINT" ? "N" : type == "FLOAT" ? "X" : type;
}

class Help : public CLI::Formatter {
 public:
  explicit Help(std::size_t columns) : columns_(columns) { label("Positionals", "Arguments"); }

  std::string make_help(const CLI::App* app, std::string name, CLI::AppFormatMode mode) const override {
    std::string text = paragraph(app->get_description()) + "\n" + make_usage(app, std::move(name));
    text += make_positionals(app) + make_groups(app, mode) + make_subcommands(app, mode);
    for (auto at = text.find("\n\n\n"); at != text.npos; at = text.find("\n\n\n")) text.erase(at, 1);
    while (text.ends_with("\n\n")) text.pop_back();
    return app->get_footer().empty() ? text : text + "\n" + paragraph(app->get_footer());
  }
  std::string make_group(std::string group, bool positional, std::vector<const CLI::Option*> options) const override {
    std::string text = "\n" + group + ":\n";
    for (const CLI::Option* option : options) text += make_option(option, positional);
    return text;
  }
  std::string make_option(const CLI::Option* option, bool positional) const override {
    return row(names_of(*option, positional), meaning_of(*option));
  }
  std::string make_option_usage(const CLI::Option* option) const override {
    const std::string names = names_of(*option, true);
    return option->get_required() ? names : "[" + names + "]";
  }
  std::string make_subcommand(const CLI::App* sub) const override {
    return row(sub->get_name(), sub->get_description());
  }

 private:
  // Indented lines stay as they are: commands to copy.
  std::string paragraph(const std::string& text) const {
    std::string out;
    for (std::size_t begin = 0; begin < text.size();) {
      const std::size_t end = std::min(text.find('\n', begin), text.size());
      const std::string line = text.substr(begin, end - begin);
      if (line.starts_with(' '))
        out += line + "\n";
      else
        for (const std::string& part : wrapped(line, columns_)) out += part + "\n";
      begin = end + 1;
    }
    return out;
  }
  std::string row(const std::string& names, const std::string& meaning) const {
    std::string out = "  " + names;
    if (width(names) + 2 > kNames - 2)
      out += "\n" + std::string(kNames, ' ');
    else
      out = padded(out, kNames);
    const std::vector<std::string> lines = wrapped(meaning, columns_ - kNames);
    for (std::size_t i = 0; i < lines.size(); ++i) out += (i ? std::string(kNames, ' ') : "") + lines[i] + "\n";
    return out;
  }
  std::string names_of(const CLI::Option& option, bool positional) const {
    std::string names;
    if (positional) {
      names = option.get_option_text().empty() ? option.get_name(true, false) : option.get_option_text();
      return option.get_expected_max() > 1 && option.get_option_text().empty() ? names + " ..." : names;
    }
    for (const std::string& name : option.get_snames()) names += (names.empty() ? "-" : ", -") + name;
    for (const std::string& name : option.get_lnames()) names += (names.empty() ? "--" : ", --") + name;
    return option.get_type_size() == 0 ? names : names + " " + placeholder(type_and_limits(option).first);
  }
  // The sentence, then "(0 to 1024; default: 5)".
  std::string meaning_of(const CLI::Option& option) const {
    std::string facts = option.get_positional() ? "" : type_and_limits(option).second;
    if (!option.get_default_str().empty())
      facts += (facts.empty() ? "default: " : "; default: ") + option.get_default_str();
    return facts.empty() ? option.get_description() : option.get_description() + " (" + facts + ")";
  }

  std::size_t columns_;
};

std::vector<std::string> option_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options())
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  return names;
}

void set_formatter(CLI::App& app, const std::shared_ptr<CLI::FormatterBase>& formatter) {
  app.formatter(formatter);
  if (app.get_parent()) app.set_help_flag("-h,--help", "Print this help and exit");
  for (CLI::App* sub : all_subcommands(app)) set_formatter(*sub, formatter);
}

// The program, or the subcommand that was given.
const CLI::App* parsed_command(const CLI::App& app) {
  const CLI::App* parsed = &app;
  for (const CLI::App* sub : app.get_subcommands()) parsed = sub;
  return parsed;
}

// "usage: pcdata sample [OPTIONS] N [DIR]"
std::string usage_line(const CLI::App& command) {
  const std::string name =
      command.get_parent() ? command.get_parent()->get_name() + " " + command.get_name() : command.get_name();
  std::string line;
  for (const char c : std::dynamic_pointer_cast<CLI::Formatter>(command.get_formatter())->make_usage(&command, name))
    if (c != '\n') line += c;
  return "usage: " + line.substr(std::min(line.size(), line.find(' ') + 1));
}

// "N: shop: requires a number", of an argument that goes by its place -> "shop: N requires a number; usage: pcdata sample N [DIR]".
std::string of_argument(const CLI::App& command, const std::string& text) {
  const auto colon = text.find(": "), wants = text.find(": requires ");
  if (colon >= wants || wants == text.npos) return text;
  const std::string name = text.substr(0, colon);
  for (const CLI::Option* option : command.get_options())
    if (option->get_positional() && option->get_name(true, false) == name)
      return fmt::format("{}: {}{}; {}", text.substr(colon + 2, wants - colon - 2), name, text.substr(wants + 1),
                         usage_line(command));
  return text;
}

// Arguments that the program has no use for.
std::string unexpected(const CLI::App& app) {
  const CLI::App* parsed = parsed_command(app);
  const std::vector<std::string> left = app.remaining(true);
  const auto option =
      std::find_if(left.begin(), left.end(), [](const std::string& word) { return word.starts_with('-'); });
  if (option == left.end())
    return fmt::format("{}: not expected here; {}", left.empty() ? "" : left.front(), usage_line(*parsed));
  const std::string name = option->substr(0, option->find('='));
  const std::vector<std::string> names = option_names(*parsed);
  const std::string nearest = nearest_name(name, names);
  return fmt::format("unknown option {}{}", name, nearest.empty() ? "" : fmt::format("; did you mean {}?", nearest));
}

std::string no_command(const CLI::App& app) {
  std::string names;
  for (const CLI::App* sub : all_subcommands(app)) names += (names.empty() ? "" : ", ") + sub->get_name();
  const std::vector<std::string> left = app.remaining(true);
  return left.empty() ? "requires a command: " + names
                      : fmt::format("unknown command {}; one of {}", left.front(), names);
}

// "NAME: how many of which type" and "Could not convert: NAME = VALUE" are the library's forms.
std::string name_in(const std::string& text, std::size_t begin, const char* end) {
  return text.substr(begin, text.find(end, begin) - begin);
}

}  // namespace

void format_help(CLI::App& app) {
  const auto columns = std::clamp<std::size_t>(std::size_t(terminal_of(stdout).columns), kNames + 24, kWidest);
  set_formatter(app, std::make_shared<Help>(columns));
}

std::string usage_error(const CLI::App& app, const CLI::ParseError& error) {
  const std::string text = error.what(), conversion = "Could not convert: ";
  if (dynamic_cast<const CLI::ExtrasError*>(&error)) return unexpected(app);
  if (dynamic_cast<const CLI::RequiredError*>(&error) && text.starts_with("A subcommand")) return no_command(app);
  if (const auto at = text.find("At least "); at != text.npos && dynamic_cast<const CLI::ArgumentMismatch*>(&error))
    return fmt::format("{} requires at least {}", name_in(text, 0, ":"), name_in(text, at + 9, " "));
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&error))
    return name_in(text, 0, ":") +
           (text.find("At Most") == text.npos ? " requires a value" : " is given more than once");
  if (dynamic_cast<const CLI::ConversionError*>(&error) && text.starts_with(conversion))
    return of_argument(*parsed_command(app),
                       fmt::format("{}: {}: requires a number", name_in(text, conversion.size(), " = "),
                                   text.substr(text.find(" = ") + 3)));
  if (const auto at = text.find(" excludes "); at != text.npos)
    return text.substr(0, at) + " cannot be used with " + text.substr(at + 10);
  const CLI::App* command = parsed_command(app);
  if (dynamic_cast<const CLI::RequiredError*>(&error) && !text.starts_with("-"))
    return fmt::format("{}; {}", text, usage_line(*command));
  return of_argument(*command, text);
}

}  // namespace pc::cli
