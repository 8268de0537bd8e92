// convd-office: LibreOffice, started and warmed once, that forks a child for each document. Started by convd-runner, in
// a sandbox of its own; each child is walled in once more. See convd(8).
//
//   convd-office --socket-fd N [--spares N] [--sandbox on|off] [--temp-dir DIR]
//
// Serves that one connection (convd/process/office_wire.h) and ends with it.

#include <fcntl.h>
#include <getopt.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include "convd/inspect/inspection.h"
#include "convd/loop/unique_fd.h"
#include "convd/office/confine.h"
#include "convd/office/descriptors.h"
#include "convd/office/document.h"
#include "convd/office/fork.h"
#include "convd/office/lok.h"
#include "convd/office/pre_touch.h"
#include "convd/office/zygote.h"
#include "convd/process/office_wire.h"
#include "convd/process/packet.h"

namespace {

using namespace convd;

constexpr int most_spares = 16;

struct Arguments {
  int socket_fd = -1;
  int spares = 1;
  bool sandbox = true;
  std::string temp_dir;
};

int usage(const std::string& why) {
  std::fprintf(stderr,
               "convd-office: %s\nusage: convd-office --socket-fd N [--spares N] [--sandbox on|off] [--temp-dir DIR]\n",
               why.c_str());
  return EX_USAGE;
}

// Nothing: all is well; else the exit code.
std::optional<int> parse(int argc, char** argv, Arguments& arguments) {
  static const std::array<option, 5> options{{{"socket-fd", 1, nullptr, 'f'},
                                              {"spares", 1, nullptr, 'n'},
                                              {"sandbox", 1, nullptr, 's'},
                                              {"temp-dir", 1, nullptr, 't'},
                                              {nullptr, 0, nullptr, 0}}};
  for (int found = 0; (found = getopt_long(argc, argv, "", options.data(), nullptr)) != -1;) {
    const std::string value = optarg == nullptr ? "" : optarg;
    switch (found) {
      case 'f':
        arguments.socket_fd = std::atoi(value.c_str());
        break;
      case 'n':
        arguments.spares = std::atoi(value.c_str());
        if (arguments.spares < 0 || arguments.spares > most_spares) return usage("--spares: expected 0 to 16");
        break;
      case 's':
        if (value != "on" && value != "off") return usage("--sandbox: expected on or off");
        arguments.sandbox = value == "on";
        break;
      case 't':
        arguments.temp_dir = value;
        break;
      default:
        return usage("unknown option");
    }
  }
  if (fcntl(arguments.socket_fd, F_GETFD) < 0) return usage("--socket-fd: required, an open socket");
  return std::nullopt;
}

// A directory for everything that is not a document's, removed at the end when it is our own.
class Place {
 public:
  explicit Place(std::string given) : path_(std::move(given)), own_(path_.empty()) {
    if (!own_) return;
    path_ = std::filesystem::temp_directory_path() / "convd-office-XXXXXX";
    if (mkdtemp(path_.data()) == nullptr) throw std::system_error(errno, std::generic_category(), path_);
  }
  ~Place() {
    std::error_code ignored;
    if (own_) std::filesystem::remove_all(path_, ignored);
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

  std::string operator/(const char* name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  bool own_;
};

int refuse(int control, const std::string& reason) {
  spdlog::error("{}", reason);
  process::send_packet(control, {process::encode_office(process::OfficeRefused{reason}), {}});
  return EX_UNAVAILABLE;
}

// What convd-inspect does in front of other engines.
std::optional<process::OfficeFailed> refusal_of(const process::OfficeJob& job, const std::string& workspace) {
  if (job.inspection.empty()) return std::nullopt;
  const auto inspection = inspect::decode(job.inspection);
  if (!inspection) return process::OfficeFailed{shared::ErrorCode::engine_failed, inspection.error().message};
  const auto refused = inspect::inspect(*inspection, workspace + "/in/" + job.input);
  if (!refused) return std::nullopt;
  return process::OfficeFailed{refused->code, refused->message};
}

office::Work work_with(office::Lok& lok) {
  office::Work work;
  work.pre_touch = [&lok](const std::string& directory) { office::pre_touch(lok, directory); };
  work.prepare = [&lok](const process::OfficeJob& job, const std::string& workspace) {
    office::prepare_child(lok, job, workspace);
  };
  work.convert = [&lok](const process::OfficeJob& job, const std::string& workspace, const office::Notes& notes) {
    if (auto refused = refusal_of(job, workspace)) return refused;
    return office::convert_document(lok, job, workspace, notes);
  };
  return work;
}

int serve(office::Lok& lok, loop::UniqueFd control, const office::Confinement* confinement, const Arguments& arguments,
          const Place& place) {
  office::ZygoteOptions options;
  if (const auto warm = lok.warm_up(); !warm) return refuse(control.get(), warm.error().message);
  if (const auto alone = office::wait_for_one_thread(options.patience); !alone)
    return refuse(control.get(), "LibreOffice cannot be forked: " + alone.error().message);
  options.version = lok.version();
  options.spares = arguments.spares;
  options.temp_dir = place.path();
  return office::Zygote(std::move(control), work_with(lok), confinement, std::move(options)).serve();
}

int run(const Arguments& arguments) {
  office::close_all_but({arguments.socket_fd});  // what is open later is LibreOffice's
  loop::UniqueFd control(arguments.socket_fd);
  fcntl(control.get(), F_SETFD, FD_CLOEXEC);
  std::optional<office::Confinement> confinement;
  if (arguments.sandbox) {
    auto prepared = office::Confinement::prepare();
    if (!prepared) return refuse(control.get(), prepared.error().message);
    confinement = *std::move(prepared);
  } else {
    spdlog::warn("THE SANDBOX IS OFF: documents are converted without confinement");
  }
  const Place place(arguments.temp_dir);
  auto lok = office::Lok::start({place / "profile", place / "tmp"});
  if (!lok) return refuse(control.get(), lok.error().message);
  const office::Confinement* walls = confinement ? &*confinement : nullptr;
  return (*lok)->run([&] { return serve(**lok, std::move(control), walls, arguments, place); });
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  Arguments arguments;
  if (const auto code = parse(argc, argv, arguments)) return *code;
  spdlog::set_default_logger(spdlog::stderr_logger_mt("convd-office"));
  spdlog::set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %-5l %n: %v", spdlog::pattern_time_type::utc);
  int code = EX_SOFTWARE;
  try {
    code = run(arguments);
  } catch (const std::exception& error) {
    spdlog::error("{}", error.what());
  }
  std::_Exit(code);  // not through the ends of LibreOffice's globals, which expect its own way out
}
