// Objects by handle. A handle names a slot and its generation, so that one that
// outlived its object finds nothing: generation << 16 | slot, generation never 0.
#pragma once

#include <cstdint>
#include <optional>

#include "kernel/arch/cpu.hpp"
#include "kernel/memory/frames.hpp"
#include "kernel/memory/kernel_map.hpp"

namespace enclavisor::kernel {

template <typename T, std::uint32_t kMax>
class HandleTable {
    static_assert(kMax <= 0x10000);

public:
    // Makes the first slots, so that they are no surprise later. False: no memory.
    bool prepare(FrameAllocator& frames) {
        const auto handle = take(frames);
        if (handle) give_back(*handle);
        return handle.has_value();
    }
    // A handle that names nothing yet; absent when there is no slot, or no memory
    // for more of them.
    std::optional<std::uint64_t> take(FrameAllocator& frames) {
        std::uint32_t index = first_free_;
        if (index != kNone) {
            first_free_ = slot(index)->next_free;
        } else {
            if (never_used_ == kMax) return std::nullopt;
            if (blocks_[never_used_ / kSlotsPerFrame] == nullptr) {
                const auto block = frames.allocate();
                if (!block) return std::nullopt;
                arch::clear_page(direct<void>(*block));
                blocks_[never_used_ / kSlotsPerFrame] = direct<Slot>(*block);
            }
            index = never_used_++;
        }
        return std::uint64_t{++slot(index)->generation} << 16 | index;
    }
    void set(std::uint64_t handle, T* object) {
        slot(handle & 0xffff)->object = object;
        live_++;
    }
    // A handle that take() gave, whether set() or not.
    void give_back(std::uint64_t handle) {
        Slot* s = slot(handle & 0xffff);
        if (s->object != nullptr) live_--;
        s->object = nullptr;
        s->next_free = first_free_;
        first_free_ = handle & 0xffff;
    }
    T* find(std::uint64_t handle) const {
        const std::uint64_t index = handle & 0xffff;
        if (index >= never_used_) return nullptr;
        const Slot* s = slot(static_cast<std::uint32_t>(index));
        return s->generation == handle >> 16 ? s->object : nullptr;
    }
    std::uint64_t live() const { return live_; }

private:
    struct Slot {
        T* object;
        std::uint32_t generation;
        std::uint32_t next_free;
    };
    static constexpr std::uint32_t kSlotsPerFrame = abi::kPageSize / sizeof(Slot);
    static constexpr std::uint32_t kNone = ~0u;

    Slot* slot(std::uint32_t index) const { return &blocks_[index / kSlotsPerFrame][index % kSlotsPerFrame]; }

    Slot* blocks_[kMax / kSlotsPerFrame] = {};  // made when first needed, kept
    std::uint32_t never_used_ = 0;
    std::uint32_t first_free_ = kNone;
    std::uint64_t live_ = 0;
};

}  // namespace enclavisor::kernel
