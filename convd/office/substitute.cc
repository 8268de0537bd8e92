#include "convd/office/substitute.h"

#include <fontconfig/fontconfig.h>

#include <memory>

namespace convd::office {
namespace {

struct Destroy {
  void operator()(FcPattern* pattern) const { FcPatternDestroy(pattern); }
};
using Pattern = std::unique_ptr<FcPattern, Destroy>;

const FcChar8* bytes_of(const std::string& text) {
  return reinterpret_cast<const FcChar8*>(text.c_str());  // NOLINT: fontconfig's way to say UTF-8
}

}  // namespace

std::string substitute_of(const std::string& family) {
  const Pattern wanted(FcPatternCreate());
  if (!wanted || FcPatternAddString(wanted.get(), FC_FAMILY, bytes_of(family)) == FcFalse) return {};
  FcConfigSubstitute(nullptr, wanted.get(), FcMatchPattern);
  FcDefaultSubstitute(wanted.get());
  FcResult result = FcResultNoMatch;
  const Pattern found(FcFontMatch(nullptr, wanted.get(), &result));
  FcChar8* name = nullptr;
  if (!found || FcPatternGetString(found.get(), FC_FAMILY, 0, &name) != FcResultMatch) return {};
  return reinterpret_cast<const char*>(name);  // NOLINT: the same
}

}  // namespace convd::office
