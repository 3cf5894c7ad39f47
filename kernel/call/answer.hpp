// The kernel calls by group; calls.cpp dispatches.
#pragma once

#include <cstdint>
#include <optional>

#include "abi/enclave/calls.hpp"
#include "kernel/kernel.hpp"

namespace enclavisor::kernel {

// What a finished call returns; absent: it broke its contract.
using Answer = std::optional<std::int64_t>;

constexpr std::int64_t error(abi::CallError e) {
    return static_cast<std::int64_t>(e);
}

// kMap, kUnmap, kProtect, kDiscard
Answer call_memory(Space& space, abi::Call call, const abi::Registers& r);
Answer call_move(Space& space, const abi::Registers& r);

Answer call_fork_space(Thread* thread);
Answer call_copy_space(Space& from, const abi::Registers& r);
Answer call_enter_space(Kernel& kernel, Thread* thread, const abi::Registers& r);
Answer call_drop_space(Kernel& kernel, Enclave& enclave, const abi::Registers& r);
Answer call_share(Space& space, const abi::Registers& r);

Answer call_wait_io(Kernel& kernel, Thread* thread, const abi::Registers& r);
Answer call_wait(Kernel& kernel, Thread* thread, const abi::Registers& r);
Answer call_wake(Kernel& kernel, Thread* thread, const abi::Registers& r);

Answer call_create_thread(Kernel& kernel, Thread* thread, const abi::Registers& r);
Answer call_interrupt(Kernel& kernel, Thread* thread, const abi::Registers& r);
// The caller is gone on return, or its enclave.
void call_exit_thread(Kernel& kernel, Thread* thread, const abi::Registers& r);
// kBusy, unless the enclave is freezing on return.
Answer call_freeze(Kernel& kernel, Thread* thread, const abi::Registers& r);

Answer call_create_object(Kernel& kernel, Enclave& enclave, const abi::Registers& r);
Answer call_grant_object(Kernel& kernel, Thread* thread, const abi::Registers& r);
Answer call_map_object(Kernel& kernel, Space& space, const abi::Registers& r);
Answer call_revoke_object(Kernel& kernel, Enclave& enclave, const abi::Registers& r);
Answer call_close_object(Kernel& kernel, Enclave& enclave, const abi::Registers& r);
Answer call_identify(Kernel& kernel, Thread* thread, const abi::Registers& r);

// False: the contract was broken.
bool call_resume(Thread* thread);

}  // namespace enclavisor::kernel
