#include "convctl/completion.h"

#include <vector>

namespace convctl {
namespace {

std::string joined(const std::vector<std::string>& words) {
  std::string list;
  for (const std::string& word : words) list += (list.empty() ? "" : " ") + word;
  return list;
}

std::vector<std::string> flags_of(const CLI::App& app) {
  std::vector<std::string> flags;
  for (const CLI::Option* option : app.get_options()) {
    for (const auto& name : option->get_snames()) flags.push_back("-" + name);
    for (const auto& name : option->get_lnames()) flags.push_back("--" + name);
  }
  return flags;
}

std::vector<const CLI::App*> commands_of(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

// What a command's plain arguments are: ids, the shells, or files.
std::string argument_kind(const CLI::App& command) {
  for (const CLI::Option* option : command.get_options()) {
    if (option->get_positional()) return option->get_type_name();
  }
  return "";
}

// Run in the shell that completes; silent when the daemon does not answer.
constexpr const char* ask_ids = "convctl ls -q --limit 50 --timeout 1 2>/dev/null";
constexpr const char* levels = "trace debug info warn error";
constexpr const char* ask_formats = "convctl formats -q --timeout 1 2>/dev/null";

std::string values_of(const std::string& flag) {
  if (flag == "--color") return "auto always never";
  if (flag == "--progress") return "auto bar plain json none";
  if (flag == "--output") return "table json";
  if (flag == "--if-exists") return "error skip newer overwrite rename";
  if (flag == "--status") return "pending processing completed error cancelled";
  if (flag == "--service") return "conversion document upload queue note presence system";
  if (flag == "--prompt-mode") return "prompt_layout_all_en prompt_layout_only_en prompt_ocr";
  return "";
}

bool takes_value(const CLI::Option* option) {
  return option->get_items_expected_max() > 0 && option->nonpositional();
}

std::string bash_values(const CLI::App& app) {
  std::string cases;
  std::vector<const CLI::App*> all = commands_of(app);
  all.push_back(&app);
  std::vector<std::string> seen;
  for (const CLI::App* one : all) {
    for (const CLI::Option* option : one->get_options()) {
      for (const std::string& name : option->get_lnames()) {
        const std::string flag = "--" + name;
        const std::string values = values_of(flag);
        if (values.empty() || std::find(seen.begin(), seen.end(), flag) != seen.end()) continue;
        seen.push_back(flag);
        cases += "    *:" + flag + ") COMPREPLY=($(compgen -W '" + values + "' -- \"$current\")); return ;;\n";
      }
    }
  }
  return cases;
}

std::string bash(const CLI::App& app) {
  std::vector<std::string> names;
  std::string cases;
  for (const CLI::App* command : commands_of(app)) {
    names.push_back(command->get_name());
    const std::string kind = argument_kind(*command);
    cases += "    " + command->get_name() + ") flags='" + joined(flags_of(*command)) + "' ";
    if (kind == "ID") cases += "words=$(" + std::string(ask_ids) + ") ";
    if (kind == "ACTION") cases += "words='create inspect' files=yes ";
    if (kind == "SHELL") cases += "words='bash zsh fish' ";
    if (kind == "LEVEL") cases += "words='" + std::string(levels) + "' ";
    if (kind == "FILE") cases += "files=yes ";
    cases += ";;\n";
  }
  return "# bash completion for convctl, made by `convctl completion bash`\n"
         "_convctl() {\n"
         "  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}\n"
         "  local commands='" +
         joined(names) +
         "'\n"
         "  local globals='" +
         joined(flags_of(app)) +
         "'\n"
         "  local command='' flags='' words='' files='' word\n"
         "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
         "    if [[ \" $commands \" == *\" $word \"* ]]; then command=$word; break; fi\n"
         "  done\n"
         "  case $command:$previous in\n"
         "    convert:-t|convert:-f|*:--to|*:--from) COMPREPLY=($(compgen -W \"$(" +
         ask_formats +
         ")\" -- \"$current\")); return ;;\n"
         "    *:-o|*:--output-dir|*:--socket|*:--token-file|*:--password-file|*:--output-password-file) "
         "COMPREPLY=($(compgen -f -- "
         "\"$current\")); return ;;\n" +
         bash_values(app) +
         "  esac\n"
         "  case $command in\n"
         "    '') words=$commands ;;\n" +
         cases +
         "  esac\n"
         "  if [[ $current == -* ]]; then words=\"$flags $globals\" files=''; fi\n"
         "  COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
         "  if [[ -n $files ]]; then COMPREPLY+=($(compgen -f -- \"$current\")); fi\n"
         "}\n"
         "complete -o filenames -F _convctl convctl\n";
}

std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'')
      out += "'\\''";
    else
      out += c;
  }
  return out + "'";
}

// zsh runs bash functions as they are.
std::string zsh(const CLI::App& app) {
  return "#compdef convctl\n# zsh completion for convctl, made by `convctl completion zsh`\n"
         "autoload -U +X bashcompinit && bashcompinit\n" +
         bash(app);
}

std::string fish_option(const CLI::Option* option, const std::string& condition) {
  std::string line = "complete -c convctl" + condition;
  std::string flag;
  for (const auto& name : option->get_snames()) line += " -s " + name;
  for (const auto& name : option->get_lnames()) {
    line += " -l " + name;
    flag = "--" + name;
  }
  if (takes_value(option)) {
    line += " -r";
    if (flag == "--to" || flag == "--from")
      line += " -f -a " + quoted("(" + std::string(ask_formats) + ")");
    else if (const std::string values = values_of(flag); !values.empty())
      line += " -f -a " + quoted(values);
  }
  return line + " -d " + quoted(option->get_description()) + "\n";
}

std::string fish(const CLI::App& app) {
  std::string out = "# fish completion for convctl, made by `convctl completion fish`\n";
  for (const CLI::Option* option : app.get_options()) out += fish_option(option, "");
  for (const CLI::App* command : commands_of(app)) {
    const std::string name = command->get_name();
    out += "complete -c convctl -f -n __fish_use_subcommand -a " + name + " -d " + quoted(command->get_description()) +
           "\n";
    const std::string condition = " -n '__fish_seen_subcommand_from " + name + "'";
    const std::string kind = argument_kind(*command);
    if (kind == "ID")
      out += "complete -c convctl -f" + condition + " -a " + quoted("(" + std::string(ask_ids) + ")") + "\n";
    if (kind == "ACTION") out += "complete -c convctl" + condition + " -a 'create inspect'\n";
    if (kind == "SHELL") out += "complete -c convctl -f" + condition + " -a 'bash zsh fish'\n";
    if (kind == "LEVEL") out += "complete -c convctl -f" + condition + " -a " + quoted(levels) + "\n";
    for (const CLI::Option* option : command->get_options()) {
      if (option->nonpositional()) out += fish_option(option, condition);
    }
  }
  return out;
}

}  // namespace

std::string completion_script(const CLI::App& app, Shell shell) {
  return shell == Shell::bash ? bash(app) : shell == Shell::zsh ? zsh(app) : fish(app);
}

}  // namespace convctl
