#include "convd/office/locale.h"

#include <com/sun/star/beans/NamedValue.hpp>
#include <com/sun/star/container/XNameReplace.hpp>
#include <com/sun/star/lang/XMultiServiceFactory.hpp>
#include <com/sun/star/util/XChangesBatch.hpp>

namespace convd::office {

void set_locale(const Lok::Inside& lok, const std::string& bcp47) {
  const auto provider =
      lok.service<css::lang::XMultiServiceFactory>("com.sun.star.configuration.ConfigurationProvider");
  Sequence<Any> arguments(1);
  arguments.getArray()[0] <<= css::beans::NamedValue("nodepath", Any(OUString("/org.openoffice.Setup/L10N")));
  const Reference<css::container::XNameReplace> settings(
      provider->createInstanceWithArguments("com.sun.star.configuration.ConfigurationUpdateAccess", arguments),
      UNO_QUERY_THROW);
  settings->replaceByName("ooSetupSystemLocale", Any(to_uno(bcp47)));
  // The user's layer is read only: this changes what is in memory, and nothing else.
  Reference<css::util::XChangesBatch>(settings, UNO_QUERY_THROW)->commitChanges();
}

}  // namespace convd::office
