#include "convd/office/questions.h"

#include <com/sun/star/task/ErrorCodeRequest.hpp>
#include <com/sun/star/task/XInteractionAbort.hpp>
#include <com/sun/star/task/XInteractionRequest.hpp>

namespace convd::office {
namespace {

constexpr sal_Int32 wrong_word_password = 0x1000f;  // ERRCODE_SVX_WRONGPASS

}  // namespace

void SAL_CALL Questions::handle(const Reference<css::task::XInteractionRequest>& request) {
  handleInteractionRequest(request);
}

sal_Bool SAL_CALL Questions::handleInteractionRequest(const Reference<css::task::XInteractionRequest>& request) {
  const OUString question = request->getRequest().getValueTypeName();
  // "Which options?" is asked even when they were given. Left alone, those given hold.
  if (question == "com.sun.star.document.FilterOptionsRequest") return false;
  // DocumentPasswordRequest2, DocumentMSPasswordRequest2 and their elder forms; the elder Word format only complains.
  css::task::ErrorCodeRequest complaint;
  const bool wrong = (request->getRequest() >>= complaint) && complaint.ErrCode == wrong_word_password;
  if (wrong || question.indexOf("Password") >= 0) password_ = true;
  const auto continuations = request->getContinuations();
  for (const auto& continuation : continuations) {
    const Reference<css::task::XInteractionAbort> abort(continuation, UNO_QUERY);
    if (!abort.is()) continue;
    abort->select();
    return true;
  }
  return false;
}

}  // namespace convd::office
