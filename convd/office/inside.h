#pragma once
// The LibreOffice of this process as the UNO code of this folder sees it.

#include <com/sun/star/awt/XDevice.hpp>
#include <com/sun/star/frame/XDesktop2.hpp>
#include <com/sun/star/uno/XComponentContext.hpp>
#include <set>
#include <string>

#include "convd/loop/unique_fd.h"
#include "convd/office/lok.h"
#include "convd/office/symbols.h"
#include "convd/office/uno.h"

struct _LibreOfficeKit;  // NOLINT(bugprone-reserved-identifier): LibreOffice's name for it

namespace convd::office {

struct Lok::Inside {
  Options options;
  _LibreOfficeKit* kit = nullptr;
  std::string version;
  Symbols symbols;
  // From warm_up() on:
  Reference<css::uno::XComponentContext> context;
  Reference<css::frame::XDesktop2> desktop;
  Reference<css::awt::XDevice> device;  // a virtual screen, for what is measured against one

  std::set<std::string> fonts;  // installed families, in lower case
  // From prepare_child() on: /proc/self/task, which a confined child cannot open.
  loop::UniqueFd threads;

  // A service by its name; null when there is none.
  template <typename Interface>
  Reference<Interface> service(std::string_view name) const {
    return Reference<Interface>(context->getServiceManager()->createInstanceWithContext(to_uno(name), context),
                                UNO_QUERY);
  }
};

}  // namespace convd::office
