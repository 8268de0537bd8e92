#include "convd/office/settings.h"

#include <array>
#include <string_view>

namespace convd::office {
namespace {

struct Setting {
  std::string_view node;
  std::string_view name;
  std::string_view value;
};

// Those of the cold way (engines/libreoffice_profile.cc) and what a start without anybody at the screen needs.
constexpr std::array<Setting, 18> settings{{
    {"org.openoffice.Office.Common/Security/Scripting", "BlockUntrustedRefererLinks", "true"},
    {"org.openoffice.Office.Common/Security/Scripting", "DisableMacrosExecution", "true"},
    {"org.openoffice.Office.Common/Security/Scripting", "DisableActiveContent", "true"},
    {"org.openoffice.Office.Common/Security/Scripting", "MacroSecurityLevel", "3"},
    {"org.openoffice.Office.Common/Save/Document", "AutoSave", "false"},
    {"org.openoffice.Office.Common/Misc", "UseLocking", "false"},
    {"org.openoffice.Office.Common/Misc", "CrashReport", "false"},
    {"org.openoffice.Office.Common/Misc", "FirstRun", "false"},
    {"org.openoffice.Office.Common/Misc", "CollectUsageInformation", "false"},
    {"org.openoffice.Office.Common/Misc", "UseOpenCL", "false"},
    {"org.openoffice.Office.Common/History", "PickListSize", "0"},
    {"org.openoffice.Office.Writer/Content/Update", "Link", "0"},
    {"org.openoffice.Office.Calc/Content/Update", "Link", "1"},
    {"org.openoffice.Office.Recovery/RecoveryInfo", "Enabled", "false"},
    {"org.openoffice.Office.Recovery/AutoSave", "Enabled", "false"},
    {"org.openoffice.Setup/Office", "ooSetupInstCompleted", "true"},
    {"org.openoffice.Setup/L10N", "ooLocale", "en-US"},
    {"org.openoffice.Office.Java/VirtualMachine", "Enable", "false"},
}};

// '$' is left out: the configuration would look for a variable.
bool stands_in_url(char c) {
  static constexpr std::string_view marks = "/-_.~!&'()*+,;=:@";
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         marks.find(c) != std::string_view::npos;
}

}  // namespace

std::string settings_text() {
  std::string text =
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<oor:items xmlns:oor=\"http://openoffice.org/2001/registry\">\n";
  for (const Setting& row : settings) {
    text += "<item oor:path=\"/" + std::string(row.node) + "\"><prop oor:name=\"" + std::string(row.name) +
            "\" oor:op=\"fuse\"><value>" + std::string(row.value) + "</value></prop></item>\n";
  }
  return text + "</oor:items>\n";
}

std::string configuration_layers(const std::string& settings_path) {
  static constexpr std::string_view shipped = "file:///etc/libreoffice/registry";
  // '*' makes the user's layer read only. Without it a thread writes the settings back, and no process with a second
  // thread can be forked.
  return "xcsxcu:" + std::string(shipped) + " res:" + std::string(shipped) + " user:*" + file_url(settings_path);
}

std::string file_url(const std::string& path) {
  static constexpr std::string_view digits = "0123456789ABCDEF";
  std::string url = "file://";
  for (const char c : path) {
    if (stands_in_url(c)) {
      url += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    url += '%';
    url += digits[byte >> 4U];
    url += digits[byte & 15U];
  }
  return url;
}

}  // namespace convd::office
