#include "convd/office/pre_touch.h"

#include <filesystem>
#include <fstream>

#include "convd/office/document.h"
#include "convd/office/warm_documents.h"

namespace convd::office {

void pre_touch(Lok& lok, const std::string& directory) {
  for (const char* part : {"/in", "/out", "/tmp"}) std::filesystem::create_directories(directory + part);
  process::OfficeJob job;
  job.input = "document.xml";
  job.output = "document.pdf";
  prepare_child(lok, job, directory);
  for (const WarmFamily& family : warm_families()) {
    std::ofstream(directory + "/in/" + job.input, std::ios::binary | std::ios::trunc) << family.document;
    job.import_filter = family.import_filter;
    job.export_filter = family.pdf_filter;
    convert_document(lok, job, directory, [](const process::OfficeNote&) {});
  }
}

}  // namespace convd::office
