#pragma once
// The members of a JSON object, read one after the other; the first that is wrong is remembered, and nothing is read
// behind it. One per object, any thread.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shared/json.h"
#include "shared/result.h"

namespace convd::engines {

class DescriptionFields {
 public:
  // Other members than `known` are wrong.
  DescriptionFields(const shared::JsonReader& json, const std::vector<std::string_view>& known);

  enum class Need : std::uint8_t { required, optional };
  // Whether a text is right, and what is expected in the words of a message.
  struct Rule {
    std::string_view expected;
    bool (*fits)(std::string_view);
  };

  // The fallback when it is absent.
  std::string text(std::string_view key, Need need, const Rule& rule, std::string fallback = {});
  std::int64_t number(std::string_view key, std::int64_t least, std::int64_t most, std::int64_t fallback);
  // At most `most` of them; a required one has one at least.
  std::vector<std::string> texts(std::string_view key, Need need, const Rule& rule, std::size_t most);
  // Calls `read` for each item until something is wrong; its error is ours.
  void each(std::string_view key, Need need, std::size_t most,
            const std::function<shared::Result<void>(const shared::JsonReader&)>& read);
  void object(std::string_view key, const std::function<shared::Result<void>(const shared::JsonReader&)>& read);

  // "<path>.key: expected ..., got \"...\"".
  void fail(std::string_view key, std::string_view expected, std::string_view got);
  // Takes over the outcome of a part.
  void add(shared::Result<void> outcome);
  const shared::Result<void>& outcome() const { return outcome_; }

 private:
  // Absent, or wrong: nothing.
  std::optional<shared::JsonReader> member(std::string_view key, Need need);

  const shared::JsonReader json_;
  shared::Result<void> outcome_;
};

}  // namespace convd::engines
