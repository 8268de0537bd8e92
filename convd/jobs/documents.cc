// The document library of an org.

#include <algorithm>
#include <utility>

#include "convd/engines/formats.h"
#include "convd/jobs/document_record.h"
#include "convd/jobs/manager_impl.h"

namespace convd::jobs {
namespace {

using shared::Error;
using shared::ErrorCode;
using shared::Result;

constexpr int most_listed = 500;

Error unknown(const std::string& name) {
  return {ErrorCode::document_not_found, "there is no document \"" + name + "\"", {}};
}

}  // namespace

Manager::Impl::Arrival Manager::Impl::arrival(const std::string& org, const std::string& name,
                                              std::shared_ptr<store::Upload> upload, const std::string& format_name) {
  const engines::Format* format =
      format_name.empty() ? registry_.formats().of_filename(name) : registry_.formats().find(format_name);
  Arrival arrival;
  arrival.row.org = org;
  arrival.row.name = name;
  arrival.row.media_type = format == nullptr ? "application/octet-stream" : format->media_type;
  arrival.row.sha256 = upload->sha256();
  arrival.row.size_bytes = upload->size_bytes();
  arrival.row.created_ms = wall_ms();
  if (const auto on_its_way = arriving_.find({org, name}); on_its_way != arriving_.end()) {
    arrival.replaced = on_its_way->second;
  } else if (const auto present = store_.document(org, name)) {
    arrival.replaced = present->sha256;
  }
  arrival.upload = std::move(upload);
  arriving_[{org, name}] = arrival.row.sha256;
  return arrival;
}

void Manager::Impl::write_arrival(store::Transaction& transaction, const Arrival& arrival) {
  transaction.put(arrival.row);
  transaction.append(event_of(arrival.row, "created", arrival.row.created_ms));
  if (!arrival.replaced.empty() && arrival.replaced != arrival.row.sha256)
    transaction.maybe_drop_blob(arrival.replaced);
}

void Manager::Impl::arrived(const Arrival& arrival) {
  const auto place = arriving_.find({arrival.row.org, arrival.row.name});
  if (place != arriving_.end() && place->second == arrival.row.sha256) arriving_.erase(place);
}

void Manager::Impl::put_document(const std::string& org, const std::string& name, std::unique_ptr<store::Upload> upload,
                                 std::function<void(Result<DocumentInfo>)> done) {
  const auto answer = [this, &done](Error error) {
    loop_.post(guarded([done = std::move(done), error = std::move(error)] { done(error); }));
  };
  if (auto named = check_filename(name); !named) return answer(named.error());
  if (auto refused = closed()) return answer(*std::move(refused));
  if (upload->size_bytes() > settings_.input_bytes) {
    return answer({ErrorCode::input_too_large,
                   "\"" + name + "\" has more than " + std::to_string(settings_.input_bytes) + " bytes",
                   {}});
  }
  const auto state = std::make_shared<Arrival>(arrival(org, name, std::move(upload), {}));
  const auto publish_input = [state](store::Files& files) { return files.publish_blob(*state->upload); };
  const auto write = [state](store::Transaction& transaction, store::Files&) -> Result<void> {
    write_arrival(transaction, *state);
    return {};
  };
  store_.submit_upload(publish_input, write, guarded([this, state, done = std::move(done)](Result<void> outcome) {
                         arrived(*state);
                         if (!outcome) return done(outcome.error());
                         const auto stored = store_.document(state->row.org, state->row.name);
                         done(info(stored.value_or(state->row)));
                       }));
}

// The badge is the newest conversion of that name, live ones as they are now.
DocumentInfo Manager::Impl::info(const store::DocumentRow& row) {
  DocumentInfo info = to_info(row);
  const Live* found = row.last_conversion ? live(*row.last_conversion) : nullptr;
  if (found != nullptr) info.last_status = found->job.status;
  return info;
}

Result<DocumentInfo> Manager::Impl::document(const std::string& org, const std::string& name) {
  const auto row = store_.document(org, name);
  if (!row) return unknown(name);
  return info(*row);
}

Result<loop::UniqueFd> Manager::Impl::open_document(const std::string& org, const std::string& name) {
  const auto row = store_.document(org, name);
  if (!row) return unknown(name);
  return store_.files().open_blob(row->sha256);
}

Page<DocumentInfo> Manager::Impl::documents(const std::string& org, const std::string& after, int limit) {
  const auto wanted = static_cast<std::size_t>(std::clamp(limit, 1, most_listed));
  store::DocumentQuery query;
  query.org = org;
  query.after = after;
  query.limit = static_cast<int>(wanted) + 1;
  auto rows = store_.documents(query);
  Page<DocumentInfo> page;
  const bool more = rows.size() > wanted;
  if (more) rows.resize(wanted);
  for (const auto& row : rows) page.items.push_back(info(row));
  if (more) page.next = page.items.back().name;
  return page;
}

void Manager::Impl::remove_document(const std::string& org, const std::string& name,
                                    std::function<void(Result<void>)> done) {
  const auto row = store_.document(org, name);
  if (!row) return loop_.post(guarded([done = std::move(done), error = unknown(name)] { done(error); }));
  const auto write = [row = *row, now_ms = wall_ms()](store::Transaction& transaction, store::Files&) -> Result<void> {
    if (!transaction.remove_document(row.org, row.name)) return unknown(row.name);
    transaction.append(event_of(row, "removed", now_ms));
    transaction.maybe_drop_blob(row.sha256);
    return {};
  };
  store_.submit_essential(write, guarded([this, done = std::move(done)](Result<void> outcome) {
                            if (!outcome) return done(std::move(outcome));
                            // The store drops the bytes in a submission of its own, made in this turn; ours comes
                            // behind it.
                            loop_.post(guarded([this, done] { store_.submit(nullptr, guarded(done)); }));
                          }));
}

}  // namespace convd::jobs
