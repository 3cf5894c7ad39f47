#include "kernel/enclave/table.hpp"

#include <new>

#include "kernel/arch/cpu.hpp"
#include "kernel/memory/kernel_map.hpp"

namespace enclavisor::kernel {

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
                          .memory = {frames, *enclave},
                          .first_space = {enclave, 1, PageTables{EnclaveMemory{frames, *enclave}, *root}},
                          .next_space = 2,
                          .family = *handle};
    enclave->spaces.push_back(&enclave->first_space);
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
    const Space& space = *origin.spaces.first();
    const EnclaveMemory memory{frames, *enclave};
    new (enclave) Enclave{
        .handle = *handle,
        .state = abi::EnclaveState::kRunning,
        .tenant = origin.tenant,
        .limit = origin.limit,
        .memory = memory,
        .first_space = {enclave, space.number, PageTables<EnclaveMemory>::borrow(memory, space.tables)},
        .next_space = origin.next_space,
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
    enclave->spaces.push_back(&enclave->first_space);
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
