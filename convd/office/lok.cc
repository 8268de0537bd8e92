#include "convd/office/lok.h"

#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <utility>

#include "convd/office/inside.h"
#include "convd/office/settings.h"
#include "convd/office/warm_up.h"
#include "shared/json.h"

#define LOK_USE_UNSTABLE_API
#include <LibreOfficeKit/LibreOfficeKitInit.h>

namespace convd::office {
namespace {

shared::Error unavailable(std::string message) {
  return {shared::ErrorCode::unavailable, std::move(message), ""};
}

shared::Result<void> prepare_directories(const Lok::Options& options, const std::string& settings_path) {
  std::error_code failed;
  std::filesystem::create_directories(options.profile_dir, failed);
  if (!failed) std::filesystem::create_directories(options.temp_dir, failed);
  std::ofstream file(settings_path, std::ios::binary | std::ios::trunc);
  file << settings_text();
  file.close();
  if (failed || !file) return unavailable("The profile directory of LibreOffice cannot be written");
  return {};
}

void set_environment(const Lok::Options& options, const std::string& settings_path) {
  ::setenv("CONFIGURATION_LAYERS", configuration_layers(settings_path).c_str(), 1);
  // One thread for everything: the only way in which a warm process can be forked.
  ::setenv("SAL_LOK_OPTIONS", "unipoll", 1);
  ::setenv("SAL_USE_VCLPLUGIN", "svp", 1);
  ::setenv("TMPDIR", options.temp_dir.c_str(), 1);
  ::unsetenv("DISPLAY");
}

std::string text_at(const shared::JsonReader& object, std::string_view key) {
  const auto member = object.find(key);
  if (!member) return "";
  const auto text = member->string();
  return text ? *text : "";
}

// "7.4" and ".7.2" are two entries.
std::string version_of(LibreOfficeKit* kit) {
  char* information = kit->pClass->getVersionInfo(kit);
  const auto parsed = shared::Json::parse(information == nullptr ? "" : information);
  std::free(information);
  if (!parsed) return "";
  return text_at(parsed->read(), "ProductVersion") + text_at(parsed->read(), "ProductExtension");
}

// One call of serve(), out of LibreOffice's C frames and back.
struct Service {
  std::function<int()> serve;
  bool started = false;
  int status = 0;
  std::exception_ptr thrown;

  void run() noexcept {
    try {
      status = serve();
    } catch (...) {
      thrown = std::current_exception();
    }
  }
};

int poll(void* data, int) noexcept {
  auto& service = *static_cast<Service*>(data);
  // Loads and exports wait for events too, which comes back here: there is nothing to wait for.
  if (service.started) return 0;
  service.started = true;
  service.run();
  return -1;
}

void wake(void*) noexcept {}

}  // namespace

Lok::Lok(std::unique_ptr<Inside> inside) : inside_(std::move(inside)) {}
Lok::~Lok() = default;

shared::Result<std::unique_ptr<Lok>> Lok::start(const Options& options) {
  const std::string settings_path = options.profile_dir + "/settings.xcu";
  const auto prepared = prepare_directories(options, settings_path);
  if (!prepared) return prepared.error();
  set_environment(options, settings_path);
  auto inside = std::make_unique<Inside>();
  inside->options = options;
  inside->kit = ::lok_init_2(options.program_dir.c_str(), file_url(options.profile_dir).c_str());
  if (inside->kit == nullptr) return unavailable("LibreOffice does not start");
  if (LIBREOFFICEKIT_HAS(inside->kit, runLoop) == 0) return unavailable("This LibreOffice is too old to be kept warm");
  auto symbols = find_symbols(options.program_dir);
  if (!symbols) return symbols.error();
  inside->symbols = *symbols;
  inside->version = version_of(inside->kit);
  return std::unique_ptr<Lok>(new Lok(std::move(inside)));
}

int Lok::run(std::function<int()> serve) {
  Service service{std::move(serve), false, 0, nullptr};
  inside_->kit->pClass->runLoop(inside_->kit, poll, wake, &service);
  if (service.thrown) std::rethrow_exception(service.thrown);
  return service.status;
}

shared::Result<void> Lok::warm_up() {
  return office::warm_up(*inside_);
}

std::string Lok::version() const {
  return inside_->version;
}

}  // namespace convd::office
