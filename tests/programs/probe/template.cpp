// An enclave for tests and benchmarks of templates: touches a heap, freezes, and
// in each instance answers requests from its slot, sleeping in between.
#include "tests/programs/probe/template.hpp"

#include "abi/enclave/calls.hpp"
#include "abi/host/control.hpp"

namespace {

using namespace enclavisor;
using tests::ProbeOperation;
using tests::ProbeSlot;

constexpr std::uint64_t kHeap = 0x4000'0000;

std::int64_t kernel_call(abi::Call call, std::uint64_t a, std::uint64_t b = 0, std::uint64_t c = 0,
                         std::uint64_t d = 0) {
    register std::uint64_t r10 asm("r10") = d;
    std::int64_t result;
    asm volatile("syscall"
                 : "=a"(result)
                 : "a"(call), "D"(a), "S"(b), "d"(c), "r"(r10)
                 : "rcx", "r11", "memory");
    return result;
}

[[noreturn]] void end(std::uint64_t status) {
    for (;;) kernel_call(abi::Call::kExit, static_cast<std::uint64_t>(abi::EndReason::kExited), status);
}

std::uint64_t block_word(std::uint64_t offset) {
    std::uint64_t value;
    asm volatile("movq %%gs:(%1), %0" : "=r"(value) : "r"(offset));
    return value;
}

volatile std::uint64_t& heap_word(std::uint64_t page) {
    return *reinterpret_cast<volatile std::uint64_t*>(kHeap + page * abi::kPageSize);
}

void serve(volatile ProbeSlot& slot, std::uint64_t slot_offset, std::uint64_t heap_pages) {
    for (std::uint32_t seen = 0;;) {
        while (slot.request == seen) kernel_call(abi::Call::kWaitIo, seen, 0, slot_offset, abi::kWaitQuiet);
        const std::uint64_t page = slot.page;
        if (page >= heap_pages) end(2);
        switch (static_cast<ProbeOperation>(slot.operation)) {
            case ProbeOperation::kWrite:
                heap_word(page) = slot.value;
                break;
            case ProbeOperation::kRead:
                slot.result = heap_word(page);
                break;
            case ProbeOperation::kEnd:
                end(42);
            default:
                break;
        }
        seen++;
        slot.done = seen;
    }
}

}  // namespace

extern "C" [[noreturn]] void probe_main() {
    const std::uint64_t window = block_word(offsetof(abi::ThreadBlock, io_address));
    const std::uint64_t pages = *reinterpret_cast<volatile std::uint64_t*>(window + tests::kProbeStart);
    for (std::uint64_t done = 0; done < pages;) {
        const std::int64_t step = kernel_call(abi::Call::kMap, kHeap + done * abi::kPageSize, pages - done,
                                              abi::kRead | abi::kWrite);
        if (step <= 0) end(1);
        done += static_cast<std::uint64_t>(step);
    }
    for (std::uint64_t i = 0; i < pages; i++) heap_word(i) = i + 1;

    std::uint64_t instance, slot_offset, random, low, high;
    asm volatile(
        "syscall\n\t"
        "movq %%rdx, %3\n\t"
        "rdtsc"
        : "=a"(low), "=D"(instance), "=S"(slot_offset), "=&r"(random), "=d"(high)
        : "a"(abi::Call::kFreeze)
        : "rcx", "r11", "r8", "r9", "r10", "memory");
    auto& slot = *reinterpret_cast<volatile ProbeSlot*>(window + slot_offset);
    slot.first_tsc = high << 32 | low;
    slot.instance = instance;
    slot.random = random;
    serve(slot, slot_offset, pages);
    end(3);
}

asm(R"(
    .globl _start
_start:
    leaq probe_stack_top(%rip), %rsp
    xorl %ebp, %ebp
    call probe_main
    ud2
    .section .stack, "aw", @nobits
    .balign 4096
    .skip 4096
probe_stack_top:
    .text
)");
