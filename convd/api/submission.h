#pragma once
// The fields of a request for a conversion: one table for JSON and forms. Any thread.

#include <string>
#include <string_view>
#include <vector>

#include "convd/api/form.h"
#include "convd/jobs/manager.h"
#include "shared/json.h"
#include "shared/result.h"

namespace convd::api {

// `pages` and `password` become options of those names. The filename may stay empty: an upload brings its own.
// Errors: invalid_json with the path for what the JSON itself gets wrong.
shared::Result<jobs::Submission> read_submission(const shared::JsonReader& json);

// Text fields as the JSON they stand for: `options` and `labels` hold JSON text, numbers are digits, empty fields are
// absent. Errors: invalid_request naming the field; unknown and repeated fields are refused.
shared::Result<shared::Json> form_to_json(const FormFields& fields);

// The fields of a form, through both of the above; errors in terms of the form ("priority: ...").
shared::Result<jobs::Submission> read_form_submission(const FormFields& fields);

bool is_submission_field(std::string_view name);
std::string unknown_field(std::string_view name);  // the sentence that refuses it, with the known ones

}  // namespace convd::api
