#pragma once
// What a child keeps of the descriptors that it was born with. LibreOffice holds a few of its own: type libraries, a
// picture archive, a certificate store, and a pipe to wake itself.

#include <vector>

namespace convd::office {

// All that are open now, in order.
std::vector<int> open_descriptors();
// Closes everything above standard error but these.
void close_all_but(std::vector<int> kept);
// In a child: files are opened anew, for reading only and at an offset of their own; pipes become pipes of its own;
// what is neither is closed. So no child can do anything to another through what they have in common.
void separate(const std::vector<int>& inherited);

}  // namespace convd::office
