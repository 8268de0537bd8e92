#pragma once
// What is published: text that says when it was made.

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

namespace fanout {

using Clock = std::chrono::steady_clock;

// Text of words, as compressible as prose, that begins with the time of its making. Valid within a JSON string as it
// is.
std::string stamped_text(std::size_t size);
// When the text within `payload` was made. Throws std::runtime_error when there is none.
Clock::time_point stamp_in(std::string_view payload);

}  // namespace fanout
