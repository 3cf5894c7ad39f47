// The end of the VM, for broken invariants of the kernel itself. Nothing that
// the host or an enclave sends may lead here.
#pragma once

namespace enclavisor::kernel {

[[noreturn]] void panic(const char* reason);

inline void check(bool invariant, const char* reason) {
    if (!invariant) [[unlikely]]
        panic(reason);
}

}  // namespace enclavisor::kernel
