#include "convd/office/progress.h"

#include <algorithm>
#include <cppuhelper/implbase1.hxx>
#include <utility>

namespace convd::office {
namespace {

class Indicator final : public cppu::WeakImplHelper1<css::task::XStatusIndicator> {
 public:
  explicit Indicator(Steps steps) : steps_(std::move(steps)) {}

  void SAL_CALL start(const OUString&, sal_Int32 range) override {
    range_ = std::max<sal_Int32>(range, 0);
    steps_(0, range_);
  }
  // n is told as page n + 1 begins: n pages are done.
  void SAL_CALL setValue(sal_Int32 value) override { steps_(std::clamp<sal_Int32>(value, 0, range_), range_); }
  void SAL_CALL end() override {}
  void SAL_CALL reset() override {}
  void SAL_CALL setText(const OUString&) override {}

 private:
  Steps steps_;
  sal_Int32 range_ = 0;
};

}  // namespace

Reference<css::task::XStatusIndicator> make_indicator(Steps steps) {
  return new Indicator(std::move(steps));
}

}  // namespace convd::office
