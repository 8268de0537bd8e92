#pragma once
// What a token lets its bearer do. Any thread.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace convd::trust {

enum class Scope : std::uint8_t {
  convert,  // make and change: submit, upload, cancel, delete
  read,     // look: states, results, lists, the stream
  admin,    // what operators do
};
std::string_view to_string(Scope scope);
std::optional<Scope> scope_from(std::string_view name);

// A set of them.
class Scopes {
 public:
  Scopes() = default;
  // The words of a "scope" claim (RFC 8693, 4.2); those that mean nothing here are passed over.
  static Scopes parse(std::string_view words);
  // What everybody may who is known by the connection alone.
  static Scopes of_peers() { return Scopes().with(Scope::convert).with(Scope::read); }

  bool has(Scope scope) const { return (bits_ & bit(scope)) != 0; }
  Scopes with(Scope scope) const;
  std::string text() const;  // "convert read"
  bool operator==(const Scopes&) const = default;

 private:
  static std::uint8_t bit(Scope scope) { return static_cast<std::uint8_t>(1U << static_cast<unsigned>(scope)); }
  std::uint8_t bits_ = 0;
};

}  // namespace convd::trust
