#include "kernel/enclave/table.hpp"

#include <new>

#include "kernel/arch/cpu.hpp"
#include "kernel/memory/kernel_map.hpp"

namespace enclavisor::kernel {

void EnclaveMemory::copy(PhysAddr to, PhysAddr from) {
    arch::copy_page(direct<void>(to), direct<void>(from));
}

std::optional<PhysAddr> EnclaveMemory::allocate_dirty() {
    Tenant& tenant = *enclave_->tenant;
    enclave_->limit_hit = enclave_->used >= enclave_->limit || tenant.pages >= tenant.most_pages;
    if (enclave_->limit_hit) return std::nullopt;
    const auto frame = frames_->allocate();
    if (frame) {
        enclave_->used++;
        tenant.pages++;
    }
    return frame;
}

std::optional<PhysAddr> EnclaveMemory::allocate() {
    const auto frame = allocate_dirty();
    if (frame) arch::clear_page(direct<void>(*frame));
    return frame;
}

std::uint32_t& EnclaveMemory::marks(PhysAddr frame) {
    return frames_->marks(frame);
}

void EnclaveMemory::retain(PhysAddr frame) {
    enclave_->used++;
    enclave_->tenant->pages++;
    frames_->retain(frame);
}

void EnclaveMemory::release(PhysAddr frame) {
    enclave_->used--;
    enclave_->tenant->pages--;
    frames_->release(frame);
}

Enclave* EnclaveTable::create(FrameAllocator& frames, Tenant& tenant, std::uint64_t limit) {
    const auto handle = enclaves_.take(frames);
    if (!handle) return nullptr;
    const auto home = frames.allocate();
    const auto root = home ? frames.allocate() : std::nullopt;
    if (!root) {
        if (home) frames.release(*home);
        enclaves_.give_back(*handle);
        return nullptr;
    }
    arch::clear_page(direct<void>(*root));
    share_kernel_map(*root);
    auto* enclave = direct<Enclave>(*home);
    new (enclave) Enclave{.handle = *handle,
                          .state = abi::EnclaveState::kBuilding,
                          .tenant = &tenant,
                          .limit = limit,
                          .used = 1,  // the root
                          .tables = {EnclaveMemory{frames, *enclave}, *root},
                          .family = *handle};
    tenant.pages++;
    tenant.enclaves++;
    enclaves_.set(*handle, enclave);
    return enclave;
}

Enclave* EnclaveTable::create_instance(FrameAllocator& frames, Enclave& origin) {
    const auto handle = enclaves_.take(frames);
    if (!handle) return nullptr;
    const auto home = frames.allocate();
    if (!home) {
        enclaves_.give_back(*handle);
        return nullptr;
    }
    auto* enclave = direct<Enclave>(*home);
    new (enclave)
        Enclave{.handle = *handle,
                .state = abi::EnclaveState::kRunning,
                .tenant = origin.tenant,
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
                .group = origin.group,
                .origin = &origin,
                .generation = origin.generation + 1,
                .number = ++origin.forks};
    __builtin_memcpy(enclave->measurement, origin.measurement, sizeof(enclave->measurement));
    __builtin_memcpy(enclave->group_measurement, origin.group_measurement, abi::kMeasurementSize);
    origin.instances++;
    origin.tenant->enclaves++;
    enclaves_.set(*handle, enclave);
    return enclave;
}

void EnclaveTable::remove(FrameAllocator& frames, Enclave* enclave) {
    if (enclave->origin != nullptr) enclave->origin->instances--;
    enclave->tenant->enclaves--;
    enclaves_.give_back(enclave->handle);
    frames.release(frame_of(enclave));
}

}  // namespace enclavisor::kernel
