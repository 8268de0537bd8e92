#pragma once
// What all UNO code of this folder says: shorter names, text in and out, lists of named values.

#include <com/sun/star/beans/PropertyValue.hpp>
#include <com/sun/star/uno/Any.hxx>
#include <com/sun/star/uno/Reference.hxx>
#include <com/sun/star/uno/Sequence.hxx>
#include <rtl/ustring.hxx>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace convd::office {

// NOLINTNEXTLINE(misc-unused-alias-decls)
namespace css = com::sun::star;
using css::uno::Any;
using css::uno::Reference;
using css::uno::Sequence;
using css::uno::UNO_QUERY;
using css::uno::UNO_QUERY_THROW;
using rtl::OUString;

inline OUString to_uno(std::string_view text) {
  return {text.data(), static_cast<sal_Int32>(text.size()), RTL_TEXTENCODING_UTF8};
}
inline std::string from_uno(const OUString& text) {
  const rtl::OString bytes = rtl::OUStringToOString(text, RTL_TEXTENCODING_UTF8);
  return {bytes.getStr(), static_cast<std::size_t>(bytes.getLength())};
}

// Arguments of a load or a store, and anything else that is a list of names and values.
class NamedValues {
 public:
  template <typename T>
  NamedValues& add(std::string_view name, const T& value) {
    css::beans::PropertyValue entry;
    entry.Name = to_uno(name);
    entry.Value <<= value;
    values_.push_back(std::move(entry));
    return *this;
  }
  NamedValues& add_text(std::string_view name, std::string_view text) { return add(name, to_uno(text)); }
  bool empty() const { return values_.empty(); }
  Sequence<css::beans::PropertyValue> sequence() const {
    return {values_.data(), static_cast<sal_Int32>(values_.size())};
  }

 private:
  std::vector<css::beans::PropertyValue> values_;
};

}  // namespace convd::office
