#include "convctl/commands.h"
#include "convctl/duration.h"

namespace convctl {
namespace {

constexpr CommandRow rows[] = {
    {"convert", "Convert documents and save the results",
     "  convctl convert report.docx --to pdf\n"
     "  convctl convert *.docx --to pdf --output-dir out\n"
     "  convctl convert - --from md --to html < README.md\n"
     "  id=$(convctl convert -d big.pptx --to pdf) && convctl watch \"$id\"\n"
     "  convctl convert scan.pdf --prompt-mode prompt_layout_all_en",
     set_up_convert},
    {"watch", "Follow conversions live until they end",
     "  convctl watch 018f3c5e-...\n  convctl watch ID --json | jq -r .status", set_up_watch},
    {"wait", "Wait quietly until conversions end", "  convctl wait ID1 ID2 --timeout 10m", set_up_wait},
    {"events", "Show what has happened, and follow what happens",
     "  convctl events\n"
     "  convctl events -f\n"
     "  convctl events -f --service conversion,note --since all --json | jq -r .type\n"
     "  convctl events -f --since 9f3c...:1041",
     set_up_events},
    {"status", "Show conversions once; without ID the last ones", "  convctl status\n  convctl status ID --json",
     set_up_status},
    {"ls", "List conversions, newest first",
     "  convctl ls\n  convctl ls --status error --limit 50\n  convctl ls --all --json | jq '.conversions[].id'",
     set_up_ls},
    {"result", "Save the result of a conversion",
     "  convctl result ID\n  convctl result ID -o - | less\n  convctl result ID --part page-1.png", set_up_result},
    {"cancel", "Cancel conversions", "  convctl cancel ID", set_up_cancel},
    {"retry", "Run a conversion again, as a new one", "  convctl retry ID --watch", set_up_retry},
    {"rm", "Remove conversions and their results", "  convctl rm ID", set_up_rm},
    {"note", "Leave a note on a conversion",
     "  convctl note ID 'Page 3 is the wrong way round'\n  convctl note ID - < remarks.txt", set_up_note},
    {"notes", "Show the notes on a conversion", "  convctl notes ID\n  convctl notes ID --json | jq -r '.notes[].text'",
     set_up_notes},
    {"watchers", "Show who is watching a conversion", "  convctl watchers ID", set_up_watchers},
    {"usage", "Show what you store, and how much you may", "  convctl usage\n  convctl usage --json | jq .bytes",
     set_up_usage},
    {"metrics", "Show the daemon's metrics", "  convctl metrics\n  convctl metrics --raw | promtool check metrics",
     set_up_metrics},
    {"formats", "Show what can become what",
     "  convctl formats --from docx\n  convctl formats --to pdf\n  convctl formats --from docx --to png",
     set_up_formats},
    {"engines", "Show the engines and what they lack", "  convctl engines", set_up_engines},
    {"doctor", "Check the daemon, its sandbox and its engines", "  convctl doctor", set_up_doctor},
    {"top", "Show live what runs, what waits and how fast it goes",
     "  convctl top\n  convctl top --once\n  convctl top --json -n 60 | jq .per_minute", set_up_top},
    {"drain", "Take no new work, let what runs finish; the daemon stays",
     "  convctl drain --wait --timeout 10m && systemctl restart convd", set_up_drain},
    {"pause", "Accept new work, but start nothing", "  convctl pause", set_up_pause},
    {"resume", "End a pause or a drain", "  convctl resume", set_up_resume},
    {"reload", "Read the daemon's configuration again, and tell what changed", "  convctl reload", set_up_reload},
    {"log-level", "Show or change what the daemon logs", "  convctl log-level debug\n  convctl log-level",
     set_up_log_level},
    {"token", "Make a token for the daemon over TCP, or look into one",
     "  convctl token create --sub ada --org press --expires 30d > ada.token\n"
     "  convctl token inspect ada.token\n"
     "  convctl --url https://convert.example.org --token-file ada.token ls",
     set_up_token},
    {"completion", "Print the completion script of a shell",
     "  source <(convctl completion bash)\n  convctl completion fish > ~/.config/fish/completions/convctl.fish",
     set_up_completion},
    {"version", "Show the versions of convctl and convd", "  convctl version --json", set_up_version},
};

// Examples stand before everything else; CLI11 would put them last, as a footer.
class ExamplesFirst : public CLI::Formatter {
 public:
  std::string make_description(const CLI::App* app) const override {
    const std::string examples = app->get_footer();
    return app->get_description() + "\n\n" + (examples.empty() ? "" : "Examples:\n" + examples + "\n\n");
  }
  std::string make_footer(const CLI::App*) const override { return ""; }
};

template <typename Value>
Value choose(const std::string& flag, const std::string& text,
             const std::vector<std::pair<std::string, Value>>& choices) {
  std::string names;
  for (const auto& [name, value] : choices) {
    if (name == text) return value;
    names += (names.empty() ? "" : ", ") + name;
  }
  throw Failure{Exit::usage, flag + " " + text + ": expected one of " + names, ""};
}

}  // namespace

std::optional<std::chrono::milliseconds> duration_from(const std::string& flag, const std::string& text) {
  if (text.empty()) return std::nullopt;
  const auto duration = parse_duration(text);
  if (!duration) throw Failure{Exit::usage, flag + " " + text + ": expected a duration such as 30s, 5m or 1h30m", ""};
  return duration;
}

CommandLine::CommandLine() : app_("Convert documents with convd, and watch it happen", "convctl") {
  app_.formatter(std::make_shared<ExamplesFirst>());
  app_.footer("  convctl convert report.docx --to pdf\n  convctl ls\n  convctl doctor");
  app_.require_subcommand(1);
  app_.fallthrough();
  app_.set_help_flag("-h,--help", "Print this help and exit");
  app_.add_option("--socket", globals_.socket, "Unix socket of the daemon (CONVD_SOCKET)")->type_name("PATH");
  app_.add_option("--url", globals_.url, "The daemon over TCP, http(s)://HOST[:PORT][/PATH] (CONVD_URL)")
      ->type_name("URL");
  app_.add_option("--token-file", globals_.token_file, "File with the token for --url (CONVD_TOKEN holds one itself)")
      ->type_name("FILE");
  app_.add_flag("--json", globals_.json, "The same as --output json");
  app_.add_option("--output", output_, "table or json")->type_name("FORMAT");
  app_.add_flag("-q,--quiet", globals_.quiet, "No progress and no remarks; lists become bare names");
  app_.add_option("--color", color_, "auto, always or never")->type_name("WHEN");
  app_.add_option("--progress", progress_, "auto, bar, plain, json or none")->type_name("MODE");
  app_.add_option("--interval", globals_.interval_ms, "Least time between two reports of progress (10 to 10000)")
      ->check(CLI::Range(10, 10'000))
      ->type_name("MS");
  app_.add_option("--timeout", timeout_, "Give up after this time; what was submitted runs on")->type_name("DURATION");
  for (const CommandRow& row : rows) {
    CLI::App* command = app_.add_subcommand(row.name, row.summary);
    command->footer(row.examples);
    command->fallthrough();
    commands_.emplace_back(command, row.set_up(*command));
  }
}

Run CommandLine::run() const {
  for (const auto& [command, run] : commands_) {
    if (command->parsed()) return run;
  }
  throw Failure{Exit::usage, "no command", "convctl --help"};
}

Globals CommandLine::globals() const {
  Globals globals = globals_;
  if (!globals.socket.empty() && !globals.url.empty())
    throw Failure{Exit::usage, "--socket and --url exclude each other", ""};
  if (choose<bool>("--output", output_, {{"table", false}, {"json", true}})) globals.json = true;
  globals.color = choose<ColorMode>(
      "--color", color_, {{"auto", ColorMode::automatic}, {"always", ColorMode::always}, {"never", ColorMode::never}});
  globals.progress = choose<ProgressMode>("--progress", progress_,
                                          {{"auto", ProgressMode::automatic},
                                           {"bar", ProgressMode::bar},
                                           {"plain", ProgressMode::plain},
                                           {"json", ProgressMode::json},
                                           {"none", ProgressMode::none}});
  globals.timeout = duration_from("--timeout", timeout_);
  return globals;
}

}  // namespace convctl
