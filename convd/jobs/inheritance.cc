#include "convd/jobs/inheritance.h"

#include <utility>

#include "convd/jobs/naming.h"
#include "convd/jobs/publisher.h"

namespace convd::jobs {
namespace {

using shared::Error;
using shared::ErrorCode;
using shared::Result;
using shared::ResultFile;
using shared::ResultInfo;

Result<void> link(store::Files& files, const Job& source, const ResultFile& file, const std::string& heir,
                  const std::string& name) {
  return files.link_result(source.id, file.name, heir, name, {file.sha256, file.size_bytes});
}

Result<ResultInfo> inherit(store::Files& files, const Job& source, const std::string& heir,
                           const std::string& filename) {
  if (!source.result) return Error{ErrorCode::result_gone, "there is no result to be given", {}};
  const std::string stem = result_stem(filename);
  ResultInfo result = *source.result;
  if (result.parts.empty()) {
    result.file.name = result_name(stem, source.to, 1, 1);
    if (auto linked = link(files, source, source.result->file, heir, result.file.name); !linked) return linked.error();
    return result;
  }
  const int count = static_cast<int>(result.parts.size());
  std::vector<std::string> members;
  for (int i = 0; i < count; ++i) {
    ResultFile& part = result.parts[static_cast<std::size_t>(i)];
    const ResultFile original = part;
    part.name = result_name(stem, source.to, i + 1, count);
    members.push_back(part.name);
    if (auto linked = link(files, source, original, heir, part.name); !linked) return linked.error();
  }
  result.file.name = stem + ".zip";
  if (stem == result_stem(source.filename)) {
    if (auto linked = link(files, source, source.result->file, heir, result.file.name); !linked) return linked.error();
    return result;
  }
  // The names of the parts are in it.
  const auto zip = files.publish_zip(heir, result.file.name, members);
  if (!zip) return zip.error();
  result.file.size_bytes = zip->size_bytes;
  result.file.sha256 = zip->sha256;
  return result;
}

// A picture that cannot be had is no reason to do without the result.
void inherit_early_page(store::Files& files, const Job& source, const std::string& heir) {
  const auto page = files.open_result(source.id, std::string(early_page_file));
  if (page) (void)files.publish_result(heir, std::string(early_page_file), page->get(), most_early_page_bytes);
}

}  // namespace

Result<ResultInfo> inherit_result(store::Files& files, const Job& source, const std::string& heir,
                                  const std::string& filename) {
  auto result = inherit(files, source, heir, filename);
  if (result) {
    inherit_early_page(files, source, heir);
    if (auto sealed = files.seal_results(heir); !sealed) result = sealed.error();
  }
  if (!result) files.remove_results(heir);
  return result;
}

}  // namespace convd::jobs
