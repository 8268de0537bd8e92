#pragma once
// Which signals wait instead of reaching the calling thread. Threads and programs started from it inherit that.

#include <csignal>
#include <initializer_list>

namespace convd::loop {

inline sigset_t signal_set(std::initializer_list<int> numbers) {
  sigset_t set{};
  sigemptyset(&set);
  for (const int number : numbers) sigaddset(&set, number);
  return set;
}

// One that comes meanwhile waits, and is delivered when it is let through.
inline void hold_signals(std::initializer_list<int> numbers) {
  const sigset_t set = signal_set(numbers);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

inline void let_signals_through(std::initializer_list<int> numbers) {
  const sigset_t set = signal_set(numbers);
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

inline void hold_every_signal() {
  sigset_t every{};
  sigfillset(&every);
  pthread_sigmask(SIG_BLOCK, &every, nullptr);
}

}  // namespace convd::loop
