#pragma once
// Does the sandbox hold on this machine? Runs a real child in it that tries what it must not be able to do. One that
// somebody killed has shown nothing, so another is run, a few times.

#include <functional>
#include <memory>
#include <string>

#include "convd/loop/loop.h"
#include "convd/runner/child.h"
#include "convd/runner/confinement.h"

namespace convd::runner {

// Loop thread only.
class SelfTest {
 public:
  // `problem` is empty when all held; else it says what did not and what to do.
  using Done = std::function<void(std::string problem)>;

  SelfTest(loop::Loop& loop, const Confinement& confinement, Done done);

 private:
  void begin();
  void exited(const process::Exit& exit);
  std::string words();

  loop::Loop& loop_;
  const Confinement& confinement_;
  const Done done_;
  int tries_ = 0;
  loop::Timer again_;
  loop::UniqueFd output_;
  std::unique_ptr<Child> child_;
};

}  // namespace convd::runner
