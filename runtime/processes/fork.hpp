// New processes and threads: what clone(2) does.
#pragma once

#include <linux/sched.h>

#include "abi/enclave/calls.hpp"

namespace enclavisor::runtime {

// What only the host's kernel has.
inline constexpr std::uint64_t kNamespaceFlags = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |
                                                 CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWTIME;

// The result of the call whose registers are `frame`: the new thread's or process's number, or
// -errno. The lock is held; with CLONE_VFORK it is released until the child executes or ends.
std::int64_t clone(const abi::Registers& frame, const clone_args& wanted);

}  // namespace enclavisor::runtime
