// Enclaves by handle. A handle names a slot and its generation, so that one
// that outlived its enclave finds nothing.
#pragma once

#include <cstdint>

#include "kernel/enclave/enclave.hpp"
#include "kernel/memory/frames.hpp"

namespace enclavisor::kernel {

class EnclaveTable {
public:
    // A new enclave in state kBuilding with an empty address space; nullptr
    // when there is no slot or no memory.
    Enclave* create(FrameAllocator& frames, std::uint64_t limit);
    // A new instance of a template, its address space borrowed; nullptr as above.
    Enclave* create_instance(FrameAllocator& frames, Enclave& origin);
    Enclave* find(std::uint64_t handle) const;
    // Frees a torn-down enclave and its slot.
    void remove(FrameAllocator& frames, Enclave* enclave);
    std::uint64_t live() const { return live_; }

private:
    struct Slot {
        Enclave* enclave;
        std::uint32_t generation;
        std::uint32_t next_free;
    };
    static constexpr std::uint32_t kSlotsPerFrame = abi::kPageSize / sizeof(Slot);
    static constexpr std::uint32_t kNone = ~0u;

    std::optional<std::uint32_t> take_slot(FrameAllocator& frames);
    void give_back_slot(std::uint32_t index);

    Slot* slot(std::uint32_t index) const { return &blocks_[index / kSlotsPerFrame][index % kSlotsPerFrame]; }

    Slot* blocks_[abi::kMaxEnclaves / kSlotsPerFrame] = {};  // made when first needed, kept
    std::uint32_t never_used_ = 0;
    std::uint32_t first_free_ = kNone;
    std::uint64_t live_ = 0;
};

}  // namespace enclavisor::kernel
