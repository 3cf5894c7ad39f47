#include "kernel/enclave/table.hpp"

#include <new>

#include "kernel/arch/cpu.hpp"
#include "kernel/memory/kernel_map.hpp"

namespace enclavisor::kernel {

Entry* EnclaveMemory::table(PhysAddr frame) {
    return direct<Entry>(frame);
}

std::optional<PhysAddr> EnclaveMemory::allocate_dirty() {
    enclave_->limit_hit = enclave_->used >= enclave_->limit;
    if (enclave_->limit_hit) return std::nullopt;
    const auto frame = frames_->allocate();
    if (frame) enclave_->used++;
    return frame;
}

std::optional<PhysAddr> EnclaveMemory::allocate() {
    const auto frame = allocate_dirty();
    if (frame) arch::clear_page(direct<void>(*frame));
    return frame;
}

void EnclaveMemory::retain(PhysAddr frame) {
    enclave_->used++;
    frames_->retain(frame);
}

void EnclaveMemory::release(PhysAddr frame) {
    enclave_->used--;
    frames_->release(frame);
}

Enclave* EnclaveTable::create(FrameAllocator& frames, std::uint64_t limit) {
    std::uint32_t index = first_free_;
    if (index == kNone) {
        if (never_used_ == abi::kMaxEnclaves) return nullptr;
        index = never_used_;
        if (blocks_[index / kSlotsPerFrame] == nullptr) {
            const auto block = frames.allocate();
            if (!block) return nullptr;
            arch::clear_page(direct<void>(*block));
            blocks_[index / kSlotsPerFrame] = direct<Slot>(*block);
        }
    }
    const auto home = frames.allocate();
    if (!home) return nullptr;
    const auto root = frames.allocate();
    if (!root) {
        frames.release(*home);
        return nullptr;
    }
    arch::clear_page(direct<void>(*home));
    arch::clear_page(direct<void>(*root));
    share_kernel_map(*root);

    Slot* s = slot(index);
    if (index == first_free_) {
        first_free_ = s->next_free;
    } else {
        never_used_++;
    }
    s->generation++;
    auto* enclave = direct<Enclave>(*home);
    new (enclave) Enclave{.handle = std::uint64_t{s->generation} << 16 | index,
                          .state = abi::EnclaveState::kBuilding,
                          .limit = limit,
                          .tables = {EnclaveMemory{frames, *enclave}, *root}};
    s->enclave = enclave;
    live_++;
    return enclave;
}

Enclave* EnclaveTable::find(std::uint64_t handle) const {
    const std::uint64_t index = handle & 0xffff;
    if (index >= never_used_) return nullptr;
    Enclave* enclave = slot(static_cast<std::uint32_t>(index))->enclave;
    return enclave != nullptr && enclave->handle == handle ? enclave : nullptr;
}

void EnclaveTable::remove(FrameAllocator& frames, Enclave* enclave) {
    const std::uint32_t index = abi::slot_of(enclave->handle);
    Slot* s = slot(index);
    s->enclave = nullptr;
    s->next_free = first_free_;
    first_free_ = index;
    live_--;
    frames.release(enclave->tables.root());
    frames.release(PhysAddr{reinterpret_cast<std::uint64_t>(enclave) - kDirectBase});
}

}  // namespace enclavisor::kernel
