// Threads of one enclave on several vCPUs: one changes mappings, the others look
// for what they must no longer see. Every page carries a number that says which
// round put it there; after the kernel call that takes a page away has returned,
// nobody may read that number again.
#include "tests/programs/probe/crowd.hpp"

#include "abi/enclave/calls.hpp"
#include "abi/host/control.hpp"
#include "abi/platform/layout.hpp"

namespace {

using namespace enclavisor;
using tests::kCrowdThreads;

constexpr std::uint64_t kBlocks = 0x5000'0000;
constexpr std::uint64_t kShelf = 0x6000'0000;  // kPages pages that come and go
constexpr std::uint64_t kPages = 8;

alignas(4096) char stacks[kCrowdThreads][4096];
// Pages of rounds below this are gone.
std::uint64_t oldest = 0;
std::uint32_t finished = 0;

std::int64_t kernel_call(abi::Call call, std::uint64_t a, std::uint64_t b = 0, std::uint64_t c = 0) {
    std::int64_t result;
    asm volatile("syscall" : "=a"(result) : "a"(call), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
    return result;
}

[[noreturn]] void end(std::uint64_t status) {
    for (;;) kernel_call(abi::Call::kExit, static_cast<std::uint64_t>(abi::EndReason::kExited), status);
}

volatile tests::CrowdStatus& status() {
    return *reinterpret_cast<volatile tests::CrowdStatus*>(abi::kIoAreaBase + abi::kPageSize);
}

abi::ThreadBlock& block() {
    std::uint64_t self;
    asm volatile("movq %%gs:8, %0" : "=r"(self));
    return *reinterpret_cast<abi::ThreadBlock*>(self);
}

// A load that may fault: the exception handler goes on after it, with 0.
std::uint64_t look(std::uint64_t address) {
    std::uint64_t value;
    asm volatile(
        ".globl look_load, look_done\n"
        "look_load: movq (%1), %0\n"
        "look_done:\n"
        : "=&a"(value)
        : "r"(address)
        : "memory");
    return value;
}

void watch() {
    for (std::uint32_t at = 0; __atomic_load_n(&status().stop, __ATOMIC_RELAXED) == 0; at++) {
        const std::uint64_t gone = __atomic_load_n(&oldest, __ATOMIC_SEQ_CST);
        const std::uint64_t seen = look(kShelf + at % kPages * abi::kPageSize);
        if (seen == 0) continue;
        if (seen < gone) {
            status().detail = seen;
            __atomic_fetch_add(&status().stale, 1, __ATOMIC_SEQ_CST);
        }
        __atomic_fetch_add(&status().looks, 1, __ATOMIC_RELAXED);
    }
}

void change() {
    std::uint64_t random = 88172645463325252ull;
    for (std::uint64_t round = 1; __atomic_load_n(&status().stop, __ATOMIC_RELAXED) == 0; round++) {
        for (std::uint64_t i = 0; i < kPages; i++) {
            const std::uint64_t page = kShelf + i * abi::kPageSize;
            kernel_call(abi::Call::kMap, page, 1, abi::kRead | abi::kWrite);
            *reinterpret_cast<volatile std::uint64_t*>(page) = round;
        }
        random ^= random << 13, random ^= random >> 7, random ^= random << 17;
        for (std::uint64_t spin = random % 2000; spin > 0; spin--) asm volatile("pause");
        switch (random >> 32 & 3) {
            case 0:
                kernel_call(abi::Call::kUnmap, kShelf, kPages);
                break;
            case 1:
                kernel_call(abi::Call::kDiscard, kShelf, kPages);
                break;
            case 2:
                kernel_call(abi::Call::kProtect, kShelf, kPages, 0);
                break;
            default:
                for (std::uint64_t i = 0; i < kPages; i++)
                    kernel_call(abi::Call::kMove, kShelf + i * abi::kPageSize,
                                kShelf + (64 + i) * abi::kPageSize, 1);
        }
        __atomic_store_n(&oldest, round + 1, __ATOMIC_SEQ_CST);
        status().rounds = static_cast<std::uint32_t>(round);
    }
}

}  // namespace

extern "C" {
extern const char look_load[], look_done[];

[[noreturn]] void crowd_thread() {
    __atomic_fetch_add(&status().ready, 1, __ATOMIC_SEQ_CST);
    watch();
    __atomic_fetch_add(&finished, 1, __ATOMIC_SEQ_CST);
    kernel_call(abi::Call::kWake, reinterpret_cast<std::uint64_t>(&finished), 1);
    for (;;) kernel_call(abi::Call::kExitThread, 0);
}

// The kernel's exception entry: only the load in look() may fault.
[[noreturn]] void crowd_exception() {
    abi::ThreadBlock& b = block();
    if (b.exception.rip != reinterpret_cast<std::uint64_t>(look_load)) end(80 + b.exception.vector);
    b.resume = b.exception;
    b.resume.rax = 0;
    b.resume.rip = reinterpret_cast<std::uint64_t>(look_done);
    kernel_call(abi::Call::kResume, 0);
    end(99);
}

[[noreturn]] void crowd_main() {
    kernel_call(abi::Call::kMap, kBlocks, kCrowdThreads, abi::kRead | abi::kWrite);
    for (std::uint32_t i = 1; i < kCrowdThreads; i++) {
        abi::Registers& r = block().resume;
        r = {};
        r.rip = reinterpret_cast<std::uint64_t>(&crowd_thread);
        r.rsp = reinterpret_cast<std::uint64_t>(stacks[i]) + sizeof(stacks[i]) - 8;
        if (kernel_call(abi::Call::kCreateThread, kBlocks + i * abi::kPageSize) < 0) end(2);
    }
    change();
    for (std::uint32_t done; (done = __atomic_load_n(&finished, __ATOMIC_SEQ_CST)) < kCrowdThreads - 1;)
        kernel_call(abi::Call::kWait, reinterpret_cast<std::uint64_t>(&finished), done);
    end(42);
}
}

asm(R"(
    .globl _start, enclavisor_exception_entry
_start:
    leaq crowd_stack_top(%rip), %rsp
    xorl %ebp, %ebp
    call crowd_main
    ud2
// On the interrupted stack: look() is a leaf without a red zone.
enclavisor_exception_entry:
    subq $256, %rsp
    andq $-16, %rsp
    call crowd_exception
    ud2
    .section .stack, "aw", @nobits
    .balign 4096
    .skip 4096
crowd_stack_top:
    .text
)");
