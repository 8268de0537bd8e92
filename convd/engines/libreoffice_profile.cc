#include "convd/engines/libreoffice_profile.h"

#include <array>
#include <string_view>

namespace convd::engines {
namespace {

constexpr auto settings_path = "/tmp/convd.xcu";

struct Setting {
  std::string_view node;
  std::string_view name;
  std::string_view value;
};

constexpr std::array<Setting, 13> settings{{
    {"org.openoffice.Office.Common/Security/Scripting", "BlockUntrustedRefererLinks", "true"},
    {"org.openoffice.Office.Common/Security/Scripting", "DisableMacrosExecution", "true"},
    {"org.openoffice.Office.Common/Security/Scripting", "DisableActiveContent", "true"},
    {"org.openoffice.Office.Common/Security/Scripting", "MacroSecurityLevel", "3"},
    {"org.openoffice.Office.Common/Save/Document", "AutoSave", "false"},
    {"org.openoffice.Office.Common/Misc", "UseLocking", "false"},
    {"org.openoffice.Office.Common/Misc", "CrashReport", "false"},
    {"org.openoffice.Office.Writer/Content/Update", "Link", "0"},
    {"org.openoffice.Office.Calc/Content/Update", "Link", "1"},
    {"org.openoffice.Office.Recovery/RecoveryInfo", "Enabled", "false"},
    {"org.openoffice.Office.Recovery/AutoSave", "Enabled", "false"},
    {"org.openoffice.Setup/Office", "ooSetupInstCompleted", "true"},
    {"org.openoffice.Office.Java/VirtualMachine", "Enable", "false"},
}};

std::string settings_text() {
  std::string text =
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<oor:items xmlns:oor=\"http://openoffice.org/2001/registry\">\n";
  for (const Setting& row : settings) {
    text += "<item oor:path=\"/" + std::string(row.node) + "\"><prop oor:name=\"" + std::string(row.name) +
            "\" oor:op=\"fuse\"><value>" + std::string(row.value) + "</value></prop></item>\n";
  }
  return text + "</oor:items>\n";
}

}  // namespace

std::vector<std::pair<std::string, std::string>> libreoffice_environment() {
  // '*' makes the user's layer read only. The first start then needs no restart, which saves a third of a second.
  return {{"CONFIGURATION_LAYERS",
           "xcsxcu:file:///etc/libreoffice/registry res:file:///etc/libreoffice/registry user:*file://" +
               std::string(settings_path)},
          {"SAL_USE_VCLPLUGIN", "svp"}};
}

std::vector<process::MadeFile> libreoffice_files() {
  return {{settings_path, settings_text()}};
}

}  // namespace convd::engines
