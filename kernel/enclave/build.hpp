// What the commands that build an enclave do to it. Arguments were validated;
// what can still fail is that a page is taken or memory is short. An enclave
// whose construction failed half-way is ended: it can never be sealed.
#pragma once

#include <cstdint>

#include "abi/host/control.hpp"
#include "kernel/memory/address.hpp"

namespace enclavisor::kernel {

struct Kernel;
struct Enclave;

// The arguments of Command::kCreate.
struct BuildAttributes {
    std::uint64_t memory_limit;
    std::uint64_t runtime_begin, runtime_end;
    std::uint64_t syscall_entry, exception_entry;
    std::uint64_t attributes;

    bool valid() const;
    void apply(Enclave& enclave) const;
};

// Copies each page once out of the control data into a private frame, maps it,
// and shows it to the attestation enclave.
abi::ControlStatus build_pages(Kernel& kernel, Enclave& enclave, PageRange range, Permissions permissions,
                               std::uint64_t offset);

abi::ControlStatus build_zero_pages(Kernel& kernel, Enclave& enclave, PageRange range,
                                    Permissions permissions);

abi::ControlStatus build_thread(Kernel& kernel, Enclave& enclave, VirtAddr entry, PageRange block,
                                PageRange io, std::uint64_t io_offset);

}  // namespace enclavisor::kernel
