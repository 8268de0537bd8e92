#pragma once
// Every question LibreOffice would ask a person is answered by "abort", and what it was about is kept: it tells why a
// document could not be loaded. LibreOffice's thread only.

#include <com/sun/star/task/XInteractionHandler2.hpp>
#include <cppuhelper/implbase1.hxx>

#include "convd/office/uno.h"

namespace convd::office {

class Questions final : public cppu::WeakImplHelper1<css::task::XInteractionHandler2> {
 public:
  bool asked_for_password() const { return password_; }

  void SAL_CALL handle(const Reference<css::task::XInteractionRequest>& request) override;
  sal_Bool SAL_CALL handleInteractionRequest(const Reference<css::task::XInteractionRequest>& request) override;

 private:
  bool password_ = false;
};

}  // namespace convd::office
