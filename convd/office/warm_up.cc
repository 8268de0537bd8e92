#include "convd/office/warm_up.h"

#include <com/sun/star/awt/Toolkit.hpp>
#include <com/sun/star/frame/Desktop.hpp>
#include <com/sun/star/task/XInteractionHandler.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "convd/office/fonts.h"
#include "convd/office/locale.h"
#include "convd/office/transfer.h"
#include "convd/office/warm_documents.h"

namespace convd::office {
namespace {

using shared::Result;

void connect(Lok::Inside& lok) {
  lok.context = lok.symbols.process_context();
  lok.desktop = css::frame::Desktop::create(lok.context);
  lok.device = css::awt::Toolkit::create(lok.context)->createScreenCompatibleDevice(16, 16);
  lok.fonts = installed_fonts(lok);
  set_locale(lok, "");
}

const Steps silent = [](std::int64_t, std::int64_t) {};

class WarmUp {
 public:
  WarmUp(const Lok::Inside& lok, std::string directory) : lok_(lok), directory_(std::move(directory)) {}

  Result<void> family(const WarmFamily& family) {
    const std::string source = path(family, "xml");
    std::ofstream(source, std::ios::binary) << family.document;
    auto document = load_document(lok_, loading(family.import_filter, ""), source, silent);
    if (!document) return document.error();
    for (const WarmFormat& format : family.formats) {
      auto stored = store_document(*document, storing(format.filter, format.export_options),
                                   path(family, format.extension), silent);
      if (!stored) return stored;
    }
    auto stored = store_document(*document, storing(family.picture_filter, ""), path(family, "png"), silent);
    if (stored) stored = close_document(*document);
    for (const WarmFormat& format : family.formats) {
      if (stored) stored = named(format, again(family, format));
    }
    return stored;
  }

 private:
  static Result<void> named(const WarmFormat& format, Result<void> result) {
    if (result) return result;
    return shared::Error{result.error().code, std::string(format.extension) + ": " + result.error().message, ""};
  }
  Result<void> again(const WarmFamily& family, const WarmFormat& format) {
    auto document =
        load_document(lok_, loading(format.filter, format.import_options), path(family, format.extension), silent);
    if (!document) return document.error();
    auto stored = store_document(*document, storing(family.pdf_filter, ""), path(family, "pdf"), silent);
    return stored ? close_document(*document) : stored;
  }
  std::string path(const WarmFamily& family, std::string_view extension) const {
    return directory_ + "/" + std::string(family.name) + "." + std::string(extension);
  }
  static process::OfficeJob loading(std::string_view filter, std::string_view options) {
    process::OfficeJob job;
    job.import_filter = filter;
    job.import_options = options;
    return job;
  }
  static process::OfficeJob storing(std::string_view filter, std::string_view options) {
    process::OfficeJob job;
    job.export_filter = filter;
    job.export_options = options;
    return job;
  }

  const Lok::Inside& lok_;
  const std::string directory_;
};

shared::Error refused(const std::string& why) {
  return {shared::ErrorCode::unavailable, "LibreOffice does not warm up: " + why, ""};
}

}  // namespace

Result<void> warm_up(Lok::Inside& lok) {
  const std::string directory = lok.options.temp_dir + "/warm-up";
  std::error_code ignored;
  std::filesystem::create_directories(directory, ignored);
  Result<void> done;
  try {
    connect(lok);
    WarmUp work(lok, directory);
    for (const WarmFamily& family : warm_families()) {
      done = work.family(family);
      if (!done) return refused(std::string(family.name) + ": " + done.error().message);
    }
  } catch (const css::uno::Exception& failure) {
    return refused(from_uno(failure.Message));
  }
  std::filesystem::remove_all(directory, ignored);
  return {};
}

}  // namespace convd::office
