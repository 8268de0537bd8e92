// The second half of a ConvertRun: where a result goes, and how it gets there.

#include <algorithm>
#include <filesystem>

#include "convctl/convert_run.h"

namespace convctl {

bool ConvertRun::settle_target(std::size_t index, const std::string& extension) {
  Item& item = items_[index];
  std::string path = options_.output;
  if (path.empty())
    path = target_path(is_stream(item.input) ? item.filename : item.input, extension, options_.output_dir);
  if (is_stream(path)) {
    session_.refuse_binary(extension);
    item.target = path;
    return true;
  }
  if (options_.if_exists == IfExists::rename) path = free_path(path, taken_);
  if (!taken_.insert(path).second) {
    throw Failure{Exit::cannot_create, "another input of this run already becomes " + path,
                  "use --if-exists rename, or several runs"};
  }
  if (exists(path)) {
    const bool skip =
        options_.if_exists == IfExists::skip || (options_.if_exists == IfExists::newer && is_newer(path, item.input));
    if (skip) {
      end(index, Exit::ok, Phase::skipped, "skipped, " + path + " exists");
      return false;
    }
    if (options_.if_exists == IfExists::error) {
      throw Failure{Exit::cannot_create, path + " exists", "choose --if-exists overwrite|rename|skip|newer"};
    }
  }
  item.target = path;
  return true;
}

void ConvertRun::completed(std::size_t index) {
  Item& item = items_[index];
  const auto& result = tasks_[index].status->result;
  if (!result) throw Failure{Exit::protocol, "convd says completed but names no result", ""};
  tasks_[index].phase = Phase::fetching;
  tasks_[index].sent_bytes = 0;
  if (!result->parts.empty() && !options_.output_dir.empty()) {
    item.parts = result->parts;
    return fetch(index, Attempt::first);
  }
  const std::string extension = extension_of(result->file.name);
  const bool other = options_.output.empty() && extension != extension_of(item.target);
  if ((item.target.empty() || other) && !settle_target(index, extension)) return;
  fetch(index, Attempt::first);
}

std::string ConvertRun::part_path(const Item& item, const shared::ResultFile& part) const {
  const std::string name = safe_name(part.name);
  const std::string stem = base_name(target_path(item.filename, "", ""));
  return (std::filesystem::path(options_.output_dir) / (name.starts_with(stem) ? name : stem + "-" + name)).string();
}

void ConvertRun::fetch(std::size_t index, Attempt attempt) {
  Item& item = items_[index];
  if (attempt == Attempt::first) item.tries = 0;
  HttpRequest request{.target = conversion_target(item.id) + "/result"};
  std::string path = item.target;
  if (!item.parts.empty()) {
    path = part_path(item, item.parts.front());
    request.target += "/" + url_encode(item.parts.front().name);
    if (options_.if_exists == IfExists::rename) path = free_path(path, taken_);
    if (options_.if_exists == IfExists::error && exists(path)) {
      throw Failure{Exit::cannot_create, path + " exists", "choose --if-exists overwrite|rename|skip|newer"};
    }
  }
  show(index);
  if (is_stream(path)) {
    request.sink = [this](std::string_view bytes) { session_.print(bytes); };
  } else {
    item.out = std::make_unique<OutputFile>(path);
    request.sink = [this, index](std::string_view bytes) {
      guarded(index, [&] {
        if (items_[index].out) items_[index].out->write(bytes);
      });
    };
  }
  item.outputs.push_back(path);
  item.call = client_.start(std::move(request), [this, index](const HttpOutcome& outcome) {
    guarded(index, [&] { fetched(index, outcome); });
  });
}

void ConvertRun::fetched(std::size_t index, const HttpOutcome& outcome) {
  Item& item = items_[index];
  item.call.reset();
  if (item.exit) return;
  const auto* failure = std::get_if<Failure>(&outcome);
  if (failure != nullptr) {
    // Bytes that have left through stdout cannot be taken back.
    if (item.out == nullptr || ++item.tries >= 3) throw *failure;
    item.out.reset();
    item.outputs.pop_back();
    item.timer = client_.loop().after(std::chrono::seconds(item.tries),
                                      [this, index] { guarded(index, [&] { fetch(index, Attempt::again); }); });
    return;
  }
  if (const auto& response = std::get<HttpResponse>(outcome); !is_success(response)) throw failure_from(response);
  if (item.out) {
    const bool replace = options_.if_exists == IfExists::overwrite || options_.if_exists == IfExists::newer;
    item.out->commit(item.outputs.back(), replace ? Replace::yes : Replace::no);
    item.out.reset();
  }
  if (!item.parts.empty()) item.parts.erase(item.parts.begin());
  if (!item.parts.empty()) return fetch(index, Attempt::first);
  end(index, Exit::ok, Phase::done, is_stream(item.outputs.back()) ? "written" : item.outputs.front());
}

}  // namespace convctl
