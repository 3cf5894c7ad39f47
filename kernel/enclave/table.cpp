#include "kernel/enclave/table.hpp"

#include <new>

#include "kernel/arch/cpu.hpp"
#include "kernel/memory/kernel_map.hpp"

namespace enclavisor::kernel {

Entry* EnclaveMemory::table(PhysAddr frame) {
    return direct<Entry>(frame);
}

void EnclaveMemory::copy(PhysAddr to, PhysAddr from) {
    arch::copy_page(direct<void>(to), direct<void>(from));
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

std::optional<std::uint32_t> EnclaveTable::take_slot(FrameAllocator& frames) {
    if (first_free_ != kNone) {
        const std::uint32_t index = first_free_;
        first_free_ = slot(index)->next_free;
        return index;
    }
    if (never_used_ == abi::kMaxEnclaves) return std::nullopt;
    if (blocks_[never_used_ / kSlotsPerFrame] == nullptr) {
        const auto block = frames.allocate();
        if (!block) return std::nullopt;
        arch::clear_page(direct<void>(*block));
        blocks_[never_used_ / kSlotsPerFrame] = direct<Slot>(*block);
    }
    return never_used_++;
}

void EnclaveTable::give_back_slot(std::uint32_t index) {
    Slot* s = slot(index);
    s->enclave = nullptr;
    s->next_free = first_free_;
    first_free_ = index;
}

Enclave* EnclaveTable::create(FrameAllocator& frames, std::uint64_t limit) {
    const auto index = take_slot(frames);
    if (!index) return nullptr;
    const auto home = frames.allocate();
    const auto root = home ? frames.allocate() : std::nullopt;
    if (!root) {
        if (home) frames.release(*home);
        give_back_slot(*index);
        return nullptr;
    }
    arch::clear_page(direct<void>(*root));
    share_kernel_map(*root);

    Slot* s = slot(*index);
    s->generation++;
    auto* enclave = direct<Enclave>(*home);
    new (enclave) Enclave{.handle = std::uint64_t{s->generation} << 16 | *index,
                          .state = abi::EnclaveState::kBuilding,
                          .limit = limit,
                          .used = 1,  // the root
                          .tables = {EnclaveMemory{frames, *enclave}, *root}};
    enclave->family = enclave->handle;
    s->enclave = enclave;
    live_++;
    return enclave;
}

Enclave* EnclaveTable::create_instance(FrameAllocator& frames, Enclave& origin) {
    const auto index = take_slot(frames);
    if (!index) return nullptr;
    const auto home = frames.allocate();
    if (!home) {
        give_back_slot(*index);
        return nullptr;
    }
    Slot* s = slot(*index);
    s->generation++;
    auto* enclave = direct<Enclave>(*home);
    new (enclave)
        Enclave{.handle = std::uint64_t{s->generation} << 16 | *index,
                .state = abi::EnclaveState::kRunning,
                .limit = origin.limit,
                .tables = PageTables<EnclaveMemory>::borrow(EnclaveMemory{frames, *enclave}, origin.tables),
                .runtime_begin = origin.runtime_begin,
                .runtime_size = origin.runtime_size,
                .syscall_entry = origin.syscall_entry,
                .exception_entry = origin.exception_entry,
                .next_thread = origin.next_thread,
                .io_address = origin.io_address,
                .io_offset = origin.io_offset,
                .io_pages = origin.io_pages,
                .family = origin.family,
                .origin = &origin,
                .generation = origin.generation + 1,
                .number = ++origin.forks};
    __builtin_memcpy(enclave->measurement, origin.measurement, sizeof(enclave->measurement));
    origin.instances++;
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
    if (enclave->origin != nullptr) enclave->origin->instances--;
    give_back_slot(abi::slot_of(enclave->handle));
    live_--;
    frames.release(PhysAddr{reinterpret_cast<std::uint64_t>(enclave) - kDirectBase});
}

}  // namespace enclavisor::kernel
