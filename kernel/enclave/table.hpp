// Enclaves by handle.
#pragma once

#include <cstdint>

#include "kernel/enclave/enclave.hpp"
#include "kernel/memory/frames.hpp"
#include "kernel/memory/handle_table.hpp"

namespace enclavisor::kernel {

class EnclaveTable {
public:
    // A new enclave in state kBuilding with an empty address space; nullptr
    // when there is no slot or no memory.
    Enclave* create(FrameAllocator& frames, Tenant& tenant, std::uint64_t limit);
    // A new instance of a template, its address space borrowed; nullptr as above.
    Enclave* create_instance(FrameAllocator& frames, Enclave& origin);
    Enclave* find(std::uint64_t handle) const { return enclaves_.find(handle); }
    // Frees a torn-down enclave and its slot.
    void remove(FrameAllocator& frames, Enclave* enclave);
    std::uint64_t live() const { return enclaves_.live(); }

private:
    HandleTable<Enclave, abi::kMaxEnclaves> enclaves_;
};

}  // namespace enclavisor::kernel
