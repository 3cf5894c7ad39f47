// Kernel calls (abi/enclave/calls.hpp). A call that breaks its contract ends
// the enclave.
#include "abi/enclave/calls.hpp"

#include "kernel/arch/cpu.hpp"
#include "kernel/arch/per_cpu.hpp"
#include "kernel/boundary/doorbell.hpp"
#include "kernel/kernel.hpp"

namespace enclavisor::kernel {
namespace {

using abi::Call;
using abi::CallError;

// Pages that one call works on at most, so that no enclave holds the CPU in
// ring 0 for long.
constexpr std::uint64_t kBudget = 1024;

// A finished call; absent: the contract was broken.
using Answer = std::optional<std::int64_t>;

constexpr std::int64_t error(CallError e) {
    return static_cast<std::int64_t>(e);
}

void flush(PageRange range) {
    constexpr std::uint64_t kFew = 16;
    if (range.count.value > kFew) {
        arch::write_cr3(arch::read_cr3());
        return;
    }
    for (std::uint64_t i = 0; i < range.count.value; i++)
        arch::invalidate_page(range.begin.plus_pages(i).value);
}

std::int64_t pages_done(Enclave& enclave, PageRange range, PageCount done) {
    flush({range.begin, done});
    if (done.value == 0 && enclave.tables.out_of_memory()) return error(CallError::kNoMemory);
    return static_cast<std::int64_t>(done.value);
}

Answer call_memory(Enclave& enclave, Call call, const abi::Registers& r) {
    const auto range = PageRange::parse(r.rdi, r.rsi);
    const auto permissions = Permissions::parse(r.rdx);
    if (!range) return std::nullopt;
    auto& tables = enclave.tables;
    switch (call) {
        case Call::kMap:
            if (!permissions) return std::nullopt;
            return pages_done(enclave, *range, tables.reserve(*range, *permissions, kBudget));
        case Call::kProtect:
            if (!permissions) return std::nullopt;
            return pages_done(enclave, *range, tables.protect(*range, *permissions, kBudget));
        case Call::kUnmap:
            return pages_done(enclave, *range, tables.unmap(*range, kBudget));
        default:
            return pages_done(enclave, *range, tables.discard(*range, kBudget));
    }
}

Answer call_move(Enclave& enclave, const abi::Registers& r) {
    const auto from = PageRange::parse(r.rdi, r.rdx);
    const auto to = PageRange::parse(r.rsi, r.rdx);
    if (!from || !to) return std::nullopt;
    if (from->begin < to->end() && to->begin < from->end()) return std::nullopt;
    const PageCount done = enclave.tables.move(from->begin, to->begin, from->count, kBudget);
    flush({from->begin, done});
    return pages_done(enclave, *to, done);
}

// The physical address of a u32 of the enclave. Absent: the enclave may not
// read there, or has no memory left to do so.
std::optional<PhysAddr> word(Enclave& enclave, std::uint64_t address) {
    if (address % 4 != 0 || address < abi::kEnclaveBegin || address >= abi::kEnclaveEnd) return std::nullopt;
    if (enclave.tables.resolve(VirtAddr{address}, Access::kRead) != FaultOutcome::kResolved)
        return std::nullopt;
    const Entry entry = enclave.tables.lookup(VirtAddr{address});
    if (!entry.is_private()) return std::nullopt;
    return PhysAddr{entry.frame().value + address % abi::kPageSize};
}

void sleep(Kernel& kernel, Thread* thread, Waiting what, std::uint64_t deadline) {
    this_cpu().current = nullptr;
    kernel.scheduler.wait(thread, what, deadline);
}

Answer call_wait_io(Kernel& kernel, Thread* thread, const abi::Registers& r) {
    thread->expected = static_cast<std::uint32_t>(r.rdi);
    fence();
    if (kernel.link.io_completed(thread->io_area) != thread->expected) return 0;
    if (r.rsi != 0 && r.rsi <= arch::read_tsc()) return error(CallError::kTimedOut);
    sleep(kernel, thread, Waiting::kIo, r.rsi);
    return 0;
}

Answer call_wait(Kernel& kernel, Thread* thread, const abi::Registers& r) {
    const auto key = word(*thread->enclave, r.rdi);
    if (!key) return std::nullopt;
    if (*direct<volatile std::uint32_t>(*key) != static_cast<std::uint32_t>(r.rsi))
        return error(CallError::kNotEqual);
    if (r.rdx != 0 && r.rdx <= arch::read_tsc()) return error(CallError::kTimedOut);
    thread->key = key->value;
    sleep(kernel, thread, Waiting::kWord, r.rdx);
    return 0;
}

Answer call_wake(Kernel& kernel, Thread* thread, const abi::Registers& r) {
    const auto key = word(*thread->enclave, r.rdi);
    if (!key) return std::nullopt;
    std::int64_t woken = 0;
    Thread* next;
    for (Thread* t = kernel.scheduler.waiting().first(); t != nullptr; t = next) {
        next = t->queue.next;
        if (static_cast<std::uint64_t>(woken) == r.rsi) break;
        if (t->waiting != Waiting::kWord || t->key != key->value || t->enclave != thread->enclave) continue;
        kernel.scheduler.wake(t, 0);
        woken++;
    }
    return woken;
}

// All registers from the block. Selectors, IF and IOPL are not the enclave's
// to choose.
bool call_resume(Thread* thread) {
    abi::Registers r;
    __builtin_memcpy(&r, &thread->block->resume, sizeof(r));
    if (r.rip >= abi::kEnclaveEnd) return false;
    r.cs = abi::kUserCodeSelector;
    r.ss = abi::kUserDataSelector;
    r.rflags = (r.rflags & abi::kUserFlags) | arch::kFlagInterrupt | 2;
    thread->registers = r;
    thread->in_upcall = false;
    thread->sysret_suffices = false;
    return true;
}

bool call_exit(Kernel& kernel, Enclave& enclave, const abi::Registers& r) {
    const auto reason = static_cast<abi::EndReason>(r.rdi);
    switch (reason) {
        case abi::EndReason::kExited:
        case abi::EndReason::kFault:
        case abi::EndReason::kHostProtocol:
        case abi::EndReason::kSignal:
            end_enclave(kernel, enclave,
                        {.reason = reason, .code = r.rsi, .detail = r.rdx, .address = r.r10, .rip = r.rip});
            return true;
        default:
            return false;
    }
}

}  // namespace

extern "C" [[noreturn]] void on_kernel_call(abi::Registers* registers) {
    Kernel& kernel = lock_kernel();
    Thread* thread = this_cpu().current;
    Enclave& enclave = *thread->enclave;
    abi::Registers& r = *registers;
    thread->sysret_suffices = r.rip < abi::kEnclaveEnd;
    Answer answer;
    switch (static_cast<Call>(r.rax)) {
        case Call::kNothing:
            answer = 0;
            break;
        case Call::kMap:
        case Call::kUnmap:
        case Call::kProtect:
        case Call::kDiscard:
            answer = call_memory(enclave, static_cast<Call>(r.rax), r);
            break;
        case Call::kMove:
            answer = call_move(enclave, r);
            break;
        case Call::kWaitIo:
            answer = call_wait_io(kernel, thread, r);
            break;
        case Call::kDoorbell:
            ring_doorbell();
            answer = 0;
            break;
        case Call::kYield:
            r.rax = 0;
            leave_to_next(kernel);
        case Call::kWait:
            answer = call_wait(kernel, thread, r);
            break;
        case Call::kWake:
            answer = call_wake(kernel, thread, r);
            break;
        case Call::kResume:
            if (call_resume(thread)) leave(kernel);
            break;
        case Call::kExit:
            if (call_exit(kernel, enclave, r)) leave(kernel);
            break;
        case Call::kAttestNext:
            if (kernel.attestation.is(enclave)) {
                kernel.attestation.next(kernel, thread);
                leave(kernel);
            }
            break;
        default:
            break;
    }
    if (!answer) {
        end_enclave(kernel, enclave,
                    {.reason = abi::EndReason::kBadCall,
                     .code = r.rax,
                     .detail = r.rdi,
                     .address = r.rsi,
                     .rip = r.rip});
        leave(kernel);
    }
    r.rax = static_cast<std::uint64_t>(*answer);
    leave(kernel);
}

}  // namespace enclavisor::kernel
