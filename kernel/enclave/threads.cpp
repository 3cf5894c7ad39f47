#include "kernel/enclave/threads.hpp"

#include <new>

#include "kernel/arch/cpu.hpp"
#include "kernel/arch/cpus.hpp"
#include "kernel/arch/flush.hpp"
#include "kernel/arch/per_cpu.hpp"
#include "kernel/kernel.hpp"

namespace enclavisor::kernel {
namespace {

// The part of an XSAVE area that XRSTOR reads in any case: the legacy region and
// the header, APM2 11.5.9. All zeros are the initial state but for MXCSR.
constexpr std::size_t kXsaveHead = 576;
constexpr std::size_t kMxcsrWord = 6;
constexpr std::uint32_t kInitialMxcsr = 0x1f80;

// A thread that computes on another vCPU enters the kernel.
void make_running_look(const Thread& thread) {
    for (std::uint32_t i = 0; i < Cpus::count(); i++) {
        PerCpu& cpu = Cpus::at(i);
        if (&cpu != &this_cpu() && cpu.current == &thread) Cpus::send_wake(cpu);
    }
}

std::optional<PhysAddr> allocate_thread(Enclave& enclave) {
    Tenant& tenant = *enclave.tenant;
    enclave.limit_hit = tenant.threads >= tenant.most_threads;
    if (enclave.limit_hit) return std::nullopt;
    const auto home = enclave.memory.allocate_dirty();
    if (home) tenant.threads++;
    return home;
}

void clear_vector_state(Thread& thread) {
    auto* area = static_cast<std::uint32_t*>(thread.xsave_area());
    __builtin_memset(area, 0, kXsaveHead);
    area[kMxcsrWord] = kInitialMxcsr;
}

}  // namespace

std::optional<abi::Registers> user_registers(const abi::Registers& wanted) {
    if (wanted.rip >= abi::kEnclaveEnd) return std::nullopt;
    abi::Registers r = wanted;
    r.cs = abi::kUserCodeSelector;
    r.ss = abi::kUserDataSelector;
    r.rflags = (r.rflags & abi::kUserFlags) | arch::kFlagInterrupt | 2 |
               (CurrentPlatform::kDefended ? 0 : arch::kFlagIoPrivilege);
    return r;
}

Thread* create_thread(Kernel& kernel, Space& space, PhysAddr block, VirtAddr block_address) {
    Enclave& enclave = *space.enclave;
    const auto home = allocate_thread(enclave);
    if (!home) {
        enclave.memory.release(block);
        return nullptr;
    }
    auto* thread = new (direct<void>(*home)) Thread{};
    thread->enclave = &enclave;
    thread->space = &space;
    space.threads++;
    thread->number = enclave.next_thread++;
    thread->block_address = block_address;
    thread->gs_base = block_address.value;
    thread->block_frame = block;
    thread->block = direct<abi::ThreadBlock>(block);
    clear_vector_state(*thread);
    enclave.threads.push_back(thread);

    abi::ThreadBlock& b = *thread->block;
    b.self = block_address.value;
    b.io_address = enclave.io_address.value;
    b.io_size = enclave.io_pages * abi::kPageSize;
    b.instance = enclave.handle;
    b.tsc_khz = kernel.tsc_khz();
    b.memory_limit = enclave.limit;
    b.thread = thread->number;
    return thread;
}

Thread* copy_thread(Enclave& instance, Thread& from) {
    const auto home = allocate_thread(instance);
    if (!home) return nullptr;
    auto* thread = new (direct<void>(*home)) Thread{from};
    __builtin_memcpy(thread->xsave_area(), from.xsave_area(), xsave_size());
    thread->enclave = &instance;
    thread->space = &instance.first_space;
    instance.first_space.threads++;
    thread->block_frame.reset();
    thread->siblings = {};
    thread->queue = {};
    thread->timed = {};
    if (thread->key.scope != nullptr) thread->key.scope = word_scope(*thread->space, thread->key.address);
    instance.threads.push_back(thread);
    return thread;
}

bool own_block(Thread* thread) {
    if (thread->block_frame) return true;
    Space& space = *thread->space;
    if (touch(space, thread->block_address, Access::kWrite) != FaultOutcome::kResolved) return false;
    const Entry entry = space.tables.lookup(thread->block_address);
    if (!entry.is_private() || entry.is_foreign()) return false;
    if (!thread->enclave->memory.retain(entry.frame())) return false;
    thread->block_frame = entry.frame();
    thread->block = direct<abi::ThreadBlock>(entry.frame());
    return true;
}

void destroy_thread(Enclave& enclave, Thread* thread) {
    EnclaveMemory& memory = enclave.memory;
    enclave.threads.remove(thread);
    enclave.tenant->threads--;
    if (thread->block_frame) memory.release(*thread->block_frame);
    memory.release(frame_of(thread));
}

void upcall(Thread* thread, std::uint64_t vector, std::uint64_t error, std::uint64_t address) {
    abi::Registers& r = thread->registers;
    r.vector = vector;
    r.error = error;
    thread->block->exception = r;
    thread->block->exception_address = address;
    thread->in_upcall = true;
    thread->sysret_suffices = false;
    r.rip = thread->enclave->exception_entry;
    r.rflags = arch::kFlagInterrupt | 2;
}

void interrupt(Kernel& kernel, Thread* thread) {
    switch (thread->waiting) {
        case Waiting::kIo:
        case Waiting::kCall:
        case Waiting::kWord:
            kernel.scheduler.wake(thread, static_cast<std::int64_t>(abi::CallError::kInterrupted));
            return;
        default:
            thread->interrupted = true;
            make_running_look(*thread);
    }
}

void deliver_interrupt(Thread* thread) {
    const Enclave& enclave = *thread->enclave;
    const bool in_runtime = thread->registers.rip - enclave.runtime_begin < enclave.runtime_size;
    if (in_runtime || thread->in_upcall || enclave.exception_entry == 0) return;
    thread->interrupted = false;
    upcall(thread, abi::kInterruptVector, 0, 0);
}

}  // namespace enclavisor::kernel
