#pragma once
// What a program that reads strangers' documents gives up before it opens one.

namespace convd::layout {

// From now on this process, which needs no other program, can start none: execve() fails with EPERM, for good. What
// else it may not do is said by the sandbox around it, which cannot say this: it has to start us. False: see errno.
bool forbid_programs();

}  // namespace convd::layout
