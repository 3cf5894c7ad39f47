// The enclave beside the hostile ones. Keeps a table whose contents it knows,
// verifies it over and over, and counts the rounds in its I/O area. When the
// host sets the stop word it ends with 42; with 43 as soon as a word is wrong.
#include <cstdint>

#include "abi/enclave/calls.hpp"
#include "abi/host/control.hpp"
#include "abi/host/io_area.hpp"

namespace {

using namespace enclavisor;

constexpr std::uint64_t kWords = 16384;
constexpr std::uint64_t kRightSum = [] {
    std::uint64_t x = 88172645463325252ull, sum = 0;
    for (std::uint64_t i = 0; i < kWords; i++) {
        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        sum = sum * 6364136223846793005ull + x;
    }
    return sum;
}();

alignas(4096) std::uint64_t table[kWords];
// What tests look for in shared memory; must exist in the enclave's memory.
alignas(64) volatile char secret[64] = "victim-secret-9f3b1c77-not-for-the-host";

[[noreturn]] void end(std::uint64_t status) {
    const auto reason = static_cast<std::uint64_t>(abi::EndReason::kExited);
    asm volatile("syscall" ::"a"(0), "D"(reason), "S"(status), "d"(0) : "rcx", "r11", "memory");
    __builtin_unreachable();
}

}  // namespace

extern "C" [[noreturn]] void victim_main(volatile std::uint64_t* io_data) {
    std::uint64_t x = 88172645463325252ull;
    for (auto& word : table) {
        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        word = x;
    }
    for (std::uint64_t round = 1;; round++) {
        std::uint64_t sum = 0;
        for (const volatile auto& word : table) sum = sum * 6364136223846793005ull + word;
        if (sum != kRightSum || secret[0] != 'v') end(43);
        io_data[0] = round;
        if (io_data[1] != 0) end(42);
    }
}

// RSP is zero at the start of a thread.
asm(R"(
    .globl _start
_start:
    lea stack_top(%rip), %rsp
    mov %gs:0x10, %rdi
    add $4096, %rdi
    call victim_main
    .section .stack, "aw", @nobits
    .balign 4096
    .skip 16384
stack_top:
    .text
)");
