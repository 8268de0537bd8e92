#pragma once
// All engines and whether they are installed; the routes over them.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "convd/engines/described_engine.h"
#include "convd/engines/engine.h"
#include "convd/engines/formats.h"

namespace convd::engines {

struct EngineState {
  const Engine* engine = nullptr;
  bool available = false;
  std::string version;  // empty until probed
  std::string problem;  // why it is not available, with the package to install
};

// Loop thread only (versions arrive later); the tables themselves never change.
class Registry {
 public:
  explicit Registry(std::vector<std::unique_ptr<Engine>> engines);
  // All engines this build knows and those described, availability by the presence of their programs under `root` (""
  // is the system). `own_programs` is the directory of our own ones (convd-layout).
  static Registry installed(const std::string& root = "", const std::string& own_programs = "/usr/libexec/convd",
                            const Described& described = {});

  const std::vector<EngineState>& engines() const { return states_; }
  const Engine* find(std::string_view name) const;
  const FormatTable& formats() const { return formats_; }
  void set_version(std::string_view name, std::string version);
  void set_unavailable(std::string_view name, std::string problem);

 private:
  std::vector<std::unique_ptr<Engine>> engines_;
  std::vector<EngineState> states_;
  FormatTable formats_;
};

// A step of a route as the option tables see it.
struct Leg {
  const Engine* engine = nullptr;
  std::string from;  // empty: any
};

// Whether the row is for conversions from `from` (empty: any) to `to`.
bool applies(const OptionSpec& spec, std::string_view from, std::string_view to);
// The rows of a route's engines for one target, each name once.
std::vector<OptionSpec> options_for(const std::vector<Leg>& legs, std::string_view to);
// The check of what a client sent. Errors: invalid_option naming the option, the value, and what would be right (or the
// known options).
shared::Result<Options> validate_options(const std::vector<Leg>& legs, const std::string& to,
                                         const shared::JsonReader& given);
// Whether the option's value is a password: shown nowhere, and forgotten when its conversion ends.
bool is_secret(std::string_view option);

}  // namespace convd::engines
