#include "kernel/enclave/build.hpp"

#include "kernel/arch/cpu.hpp"
#include "kernel/enclave/threads.hpp"
#include "kernel/kernel.hpp"

namespace enclavisor::kernel {
namespace {

using abi::ControlStatus;

ControlStatus short_of_memory(Kernel& kernel, Enclave& enclave) {
    const bool own_limit = enclave.limit_hit;
    end_enclave(kernel, enclave,
                {.reason = own_limit ? abi::EndReason::kMemoryLimit : abi::EndReason::kOutOfMemory});
    return own_limit ? ControlStatus::kMemoryLimit : ControlStatus::kNoMemory;
}

bool all_empty(Enclave& enclave, PageRange range) {
    for (std::uint64_t i = 0; i < range.count.value; i++) {
        if (!enclave.first_space.tables.lookup(range.begin.plus_pages(i)).empty()) return false;
    }
    return true;
}

}  // namespace

bool BuildAttributes::valid() const {
    if (memory_limit == 0 || attributes != 0) return false;
    if (syscall_entry == 0)
        return runtime_begin == 0 && runtime_end == 0 && exception_entry < abi::kEnclaveEnd;
    return runtime_begin < runtime_end && runtime_end <= abi::kEnclaveEnd && syscall_entry >= runtime_begin &&
           syscall_entry < runtime_end && exception_entry < abi::kEnclaveEnd;
}

void BuildAttributes::apply(Enclave& enclave) const {
    enclave.runtime_begin = runtime_begin;
    enclave.runtime_size = syscall_entry == 0 ? ~0ull : runtime_end - runtime_begin;
    enclave.syscall_entry = syscall_entry;
    enclave.exception_entry = exception_entry;
}

ControlStatus build_pages(Kernel& kernel, Enclave& enclave, PageRange range, Permissions permissions,
                          std::uint64_t offset) {
    if (!all_empty(enclave, range)) return ControlStatus::kOverlap;
    for (std::uint64_t i = 0; i < range.count.value; i++) {
        const auto frame = enclave.memory.allocate_dirty();
        if (!frame) return short_of_memory(kernel, enclave);
        arch::copy_page(direct<void>(*frame), kernel.link.control_data(offset + i * abi::kPageSize));
        if (!enclave.first_space.tables.insert(range.begin.plus_pages(i),
                                               Entry::private_data(*frame, permissions))) {
            enclave.memory.release(*frame);
            return short_of_memory(kernel, enclave);
        }
        kernel.attestation.window(i) = Entry::private_data(*frame, Permissions::read());
    }
    return ControlStatus::kOk;
}

ControlStatus build_zero_pages(Kernel& kernel, Enclave& enclave, PageRange range, Permissions permissions) {
    if (range.count.value > abi::kMaxZeroPagesPerCommand) return ControlStatus::kBadRange;
    if (!all_empty(enclave, range)) return ControlStatus::kOverlap;
    const PageCount done = enclave.first_space.tables.reserve(range, permissions, ~0ull);
    return done == range.count ? ControlStatus::kOk : short_of_memory(kernel, enclave);
}

ControlStatus build_thread(Kernel& kernel, Enclave& enclave, VirtAddr entry, PageRange block, PageRange io,
                           std::uint64_t io_offset) {
    if (!all_empty(enclave, block) || !all_empty(enclave, io)) return ControlStatus::kOverlap;
    if (base::range_within(block.begin.value, 1, io.begin.value, io.end().value))
        return ControlStatus::kOverlap;
    EnclaveMemory& memory = enclave.memory;
    if (enclave.io_pages == 0) {
        enclave.io_address = io.begin;
        enclave.io_offset = io_offset;
        enclave.io_pages = io.count.value;
    }
    const auto block_frame = memory.allocate();
    if (!block_frame) return short_of_memory(kernel, enclave);
    Thread* thread = create_thread(kernel, enclave.first_space, *block_frame, block.begin);
    if (thread == nullptr) return short_of_memory(kernel, enclave);
    // From here on the enclave's end frees both frames.
    thread->registers = *user_registers({.rip = entry.value});

    // The thread and the page table each hold a reference to the block.
    if (!memory.retain(*block_frame)) return short_of_memory(kernel, enclave);
    if (!enclave.first_space.tables.insert(block.begin,
                                           Entry::private_data(*block_frame, Permissions::read_write()))) {
        memory.release(*block_frame);
        return short_of_memory(kernel, enclave);
    }
    for (std::uint64_t i = 0; i < io.count.value; i++) {
        if (!enclave.first_space.tables.insert(io.begin.plus_pages(i),
                                               Link::io_page(io_offset + i * abi::kPageSize)))
            return short_of_memory(kernel, enclave);
    }
    return ControlStatus::kOk;
}

}  // namespace enclavisor::kernel
