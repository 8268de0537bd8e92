#include "convd/office/pre_touch.h"

#include <filesystem>
#include <fstream>

#include "convd/office/document.h"
#include "convd/office/inside.h"
#include "convd/office/transfer.h"
#include "convd/office/warm_documents.h"

namespace convd::office {
namespace {

const Steps silent = [](std::int64_t, std::int64_t) {};

// Closed again: a document that stays open makes the next one slower.
void touch(const Lok::Inside& lok, const WarmFamily& family, const std::string& directory) {
  process::OfficeJob job;
  job.import_filter = family.import_filter;
  job.export_filter = family.pdf_filter;
  const std::string source = directory + "/in/document.xml";
  std::ofstream(source, std::ios::binary | std::ios::trunc) << family.document;
  auto document = load_document(lok, job, source, silent);
  if (!document) return;
  if (store_document(*document, job, directory + "/out/document.pdf", silent)) (void)close_document(*document);
}

}  // namespace

void pre_touch(Lok& lok, const std::string& directory) {
  for (const char* part : {"/in", "/out", "/tmp"}) std::filesystem::create_directories(directory + part);
  prepare_child(lok, {}, directory);
  for (const WarmFamily& family : warm_families()) touch(lok.inside(), family, directory);
}

}  // namespace convd::office
